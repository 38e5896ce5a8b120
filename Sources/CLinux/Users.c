// Users and groups.
#define _GNU_SOURCE
#include "CLinux.h"

#include <grp.h>
#include <pwd.h>

bool chalk_user_in_group(uid_t uid, gid_t gid, const char *group) {
    struct group *entry = getgrnam(group);
    if (entry == NULL) return false;
    gid_t wanted = entry->gr_gid;
    if (gid == wanted) return true;
    struct passwd *user = getpwuid(uid);
    if (user == NULL) return false;
    gid_t groups[64];
    int count = 64;
    if (getgrouplist(user->pw_name, user->pw_gid, groups, &count) < 0) count = 64;
    for (int i = 0; i < count; i++)
        if (groups[i] == wanted) return true;
    return false;
}

bool chalk_become(const char *user) {
    struct passwd *entry = getpwnam(user);
    if (entry == NULL || geteuid() == entry->pw_uid) return true;
    return initgroups(user, entry->pw_gid) == 0 && setegid(entry->pw_gid) == 0 && seteuid(entry->pw_uid) == 0;
}

const char *chalk_user_name(void) {
    struct passwd *entry = getpwuid(geteuid());
    return entry == NULL ? "without a name" : entry->pw_name;
}
