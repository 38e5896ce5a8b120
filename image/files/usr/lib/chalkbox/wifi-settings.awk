# Turns wifi.conf into wpa_supplicant's configuration (wpa_supplicant.conf(5)).
#   awk -f wifi-settings.awk -v problems=FILE wifi.conf
# Each [network] is one of the WiFi networks that the box may use, the one with the highest priority first. A network
# with a mistake is left out, the others hold; mistakes go to the file, one a line, and never quote a password. Exits 1
# when there is no network. Works on bytes: run it with LC_ALL=C.

function problem(line, text) {
    mistakes++
    print "wifi.conf line " line ": " text >>problems
}

function trim(text) {
    sub(/^[ \t]+/, "", text)
    sub(/[ \t]+$/, "", text)
    return text
}

# SSIDs go as hexadecimal digits, so that no byte of them means anything.
function hexadecimal(text,    at, out) {
    out = ""
    for (at = 1; at <= length(text); at++) out = out sprintf("%02x", code[substr(text, at, 1)])
    return out
}

# In wpa_supplicant's file a quoted string ends at its last quote: only control bytes are impossible.
function quoted(text) { return "\"" text "\"" }

function finish_network(    security) {
    if (!in_network) return
    in_network = 0
    if (ssid == "" && !broken) { problem(began, "this [network] has no ssid"); broken = 1 }
    security = wanted_security
    if (security == "") security = identity != "" ? "enterprise" : "wpa"
    if (security != "open" && password == "" && !broken) {
        problem(began, "network \"" ssid "\" has no password (security = open is a network without one)")
        broken = 1
    }
    if (security == "open" && password != "" && !broken) {
        problem(began, "network \"" ssid "\" has a password and security = open: only one can be right")
        broken = 1
    }
    if (security == "enterprise" && identity == "" && !broken) {
        problem(began, "network \"" ssid "\" has security = enterprise and no identity")
        broken = 1
    }
    if (security == "wpa" && !broken && !(length(password) >= 8 && length(password) <= 63 || is_key(password))) {
        problem(password_line, "the password of \"" ssid "\" has " length(password) \
            " characters: a WiFi password has 8 to 63, or is a key of 64 hexadecimal digits")
        broken = 1
    }
    if (broken) return
    count++
    networks = networks "network={\n\tssid=" hexadecimal(ssid) "\n\tpriority=" priority "\n"
    if (hidden == "yes") networks = networks "\tscan_ssid=1\n"
    if (security == "open") networks = networks "\tkey_mgmt=NONE\n"
    # WPA2 and WPA3 alike; a key of digits is for WPA2 only.
    if (security == "wpa" && is_key(password)) networks = networks "\tkey_mgmt=WPA-PSK\n\tpsk=" password "\n"
    if (security == "wpa" && !is_key(password))
        networks = networks "\tkey_mgmt=WPA-PSK WPA-PSK-SHA256 SAE\n\tieee80211w=1\n\tpsk=" quoted(password) "\n"
    if (security == "enterprise")
        networks = networks "\tkey_mgmt=WPA-EAP\n\teap=PEAP\n\tidentity=" quoted(identity) "\n\tpassword=" \
            quoted(password) "\n\tca_cert=\"/etc/ssl/certs/ca-certificates.crt\"\n\tphase2=\"auth=MSCHAPV2\"\n" \
            (domain != "" ? "\tdomain_suffix_match=" quoted(domain) "\n" : "")
    networks = networks "}\n"
}

function is_key(text) { return length(text) == 64 && text ~ /^[0-9A-Fa-f]+$/ }

function set_network(key, value) {
    if (key == "ssid") {
        if (length(value) > 32) {
            problem(NR, "this ssid has " length(value) " bytes: a network's name has 1 to 32")
            broken = 1
        } else if (value == "") {
            problem(NR, "the ssid is empty")
            broken = 1
        }
        ssid = value
    } else if (key == "password") {
        password = value
        password_line = NR
    } else if (key == "identity") {
        identity = value
    } else if (key == "domain") {
        domain = value
    } else if (key == "priority") {
        if (value !~ /^[0-9]+$/ || length(value) > 3) {
            problem(NR, "priority = " value " is no number from 0 to 999")
            broken = 1
        } else priority = value + 0
    } else if (key == "hidden") {
        if (value != "yes" && value != "no") {
            problem(NR, "hidden = " value " is neither yes nor no")
            broken = 1
        }
        hidden = value
    } else if (key == "security") {
        if (value != "wpa" && value != "open" && value != "enterprise") {
            problem(NR, "security = " value " is none of wpa, open, enterprise")
            broken = 1
        }
        wanted_security = value
    } else {
        problem(NR, "unknown key \"" key "\"; a [network] has " \
            "ssid, password, priority, hidden, security, identity, domain")
        broken = 1
    }
}

BEGIN {
    for (at = 1; at < 256; at++) code[sprintf("%c", at)] = at
    count = 0
    networks = ""
    country = "00"
}

NR == 1 { sub(/^\357\273\277/, "") }

{
    sub(/\r$/, "")
    if (length($0) > 1024) { problem(NR, "longer than 1024 bytes: is this a text file?"); broken = 1; next }
    # Beside tabs no control byte belongs here; mawk's lines hold none of the zeros.
    if ($0 ~ /[\001-\010\013-\037\177]/) {
        if (!told_binary) problem(NR, "holds bytes that are no text: is this a text file?")
        told_binary = 1
        broken = 1
        next
    }
    line = trim($0)
}

line == "" || line ~ /^[#;]/ { next }

line ~ /^\[/ {
    finish_network()
    if (line != "[network]") {
        problem(NR, "unknown section \"" line "\": only [network] is known")
        ignored = 1
        next
    }
    ignored = 0
    in_network = 1
    began = NR
    broken = 0
    ssid = password = identity = domain = wanted_security = ""
    priority = 0
    hidden = "no"
    next
}

ignored { next }

{
    at = index(line, "=")
    if (at == 0) {
        problem(NR, "neither [network] nor KEY = VALUE")
        broken = 1
        next
    }
    key = trim(substr(line, 1, at - 1))
    value = trim(substr(line, at + 1))
    if (!in_network && key == "country") {
        if (value ~ /^[A-Z][A-Z]$/) country = value
        else problem(NR, "country = " value " is no country's two capital letters, as DE")
        next
    }
    if (!in_network) {
        problem(NR, "\"" key "\" stands before the first [network]")
        next
    }
    set_network(key, value)
}

END {
    finish_network()
    if (count == 0) {
        if (mistakes) print "wifi.conf: no network could be used from it" >>problems
        exit 1
    }
    if (country != "00") print "country=" country
    print "ap_scan=1"
    print "update_config=0"
    printf "%s", networks
}
