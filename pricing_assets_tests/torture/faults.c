/* Faults of a disk, on demand: a library to be preloaded (LD_PRELOAD) into the process under test.
 *
 * Here: the calls by which a process changes files below a folder, counted, logged, and at one of them failed, cut
 * short, or the process killed. Not here: which call, and what must hold afterwards (torture_faults.py).
 *
 * TORTURE_FAULTS names a control file, which every process of a run maps: one count, one log, one fault for all of
 * them. While `armed` is 0 nothing is counted. The layout of the control file is that of `struct control`.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { WRITE = 1, SYNC = 2, RENAME = 4, LINK = 8, CREATE = 16, TRUNCATE = 32, UNLINK = 64, MKDIR = 128 };
enum mode { COUNT = 0, ONCE = 1, FROM_THEN_ON = 2, SHORT = 3, KILL = 4, CUT = 5, CUT_NAMES = 6 };

#define EXCLUDED 4
#define NAME 512
#define DIRTY 4096

struct control {
    int64_t armed, mode, kinds, error, target; /* target: the number of the call, from 1 */
    int64_t count, faults;                     /* written here */
    char root[NAME], log[NAME], excluded[EXCLUDED][NAME];
};

static struct control *control;

/* What a power cut takes away: bytes and names that no fsync has made safe. */
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static struct { dev_t dev; ino_t ino; off_t safe; char path[PATH_MAX]; } *dirty;
static struct { char made[PATH_MAX], from[PATH_MAX], over[PATH_MAX]; } *names; /* over: where the replaced file is kept */
static int dirties, named, kept;

#define REAL(name) ((__typeof__(&name))next_of(#name))

static void *next_of(const char *name) { return dlsym(RTLD_NEXT, name); }

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("TORTURE_FAULTS");
    if (path == NULL) return;
    int handle = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    if (handle < 0) return;
    void *place = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, handle, 0);
    syscall(SYS_close, handle);
    if (place == MAP_FAILED) return;
    dirty = calloc(DIRTY, sizeof *dirty);
    names = calloc(DIRTY, sizeof *names);
    control = place;
}

static int is_armed(void) { return control != NULL && control->armed; }

static int is_watched(const char *path) {
    size_t length = strlen(control->root);
    if (strncmp(path, control->root, length) != 0 || (path[length] != '/' && path[length] != 0)) return 0;
    for (int each = 0; each < EXCLUDED; each++)
        if (control->excluded[each][0] && strstr(path + length, control->excluded[each])) return 0;
    return 1;
}

static int path_of(int handle, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return path[0] == '/';
}

static int path_at(int folder, const char *name, char *path) {
    char base[PATH_MAX];
    if (name == NULL) return 0;
    if (name[0] == '/') base[0] = 0;
    else if (folder == AT_FDCWD ? getcwd(base, sizeof base) == NULL : !path_of(folder, base)) return 0;
    return snprintf(path, PATH_MAX, "%s%s%s", base, base[0] ? "/" : "", name) < PATH_MAX;
}

static int is_there(const char *path) { return syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0; }

static void say(long number, const char *call, const char *path, const char *fault) {
    char line[PATH_MAX + 128];
    int length = snprintf(line, sizeof line, "%ld\t%d\t%s\t%s\t%s\n", number, getpid(), call, path, fault);
    int handle = (int)syscall(SYS_openat, AT_FDCWD, control->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (handle < 0) return;
    syscall(SYS_write, handle, line, length);
    syscall(SYS_close, handle);
}

/* --- a power cut --- */

static int cuts(void) { return control->mode == CUT || control->mode == CUT_NAMES; }

static void will_write(int handle, const char *path) {
    struct stat now;
    if (!cuts() || fstat(handle, &now) != 0) return;
    pthread_mutex_lock(&guard);
    int found = 0;
    for (int each = 0; each < dirties; each++)
        found |= dirty[each].dev == now.st_dev && dirty[each].ino == now.st_ino;
    if (!found && dirties < DIRTY) {
        dirty[dirties].dev = now.st_dev, dirty[dirties].ino = now.st_ino, dirty[dirties].safe = now.st_size;
        strcpy(dirty[dirties++].path, path);
    }
    pthread_mutex_unlock(&guard);
}

static int is_in(const char *path, const char *folder) {
    size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 && path[length] == '/' && strchr(path + length + 1, '/') == NULL;
}

static void synced(int handle, const char *path) {
    struct stat now;
    if (!cuts() || fstat(handle, &now) != 0) return;
    pthread_mutex_lock(&guard);
    for (int each = 0; each < dirties; each++)
        if (dirty[each].dev == now.st_dev && dirty[each].ino == now.st_ino) dirty[each--] = dirty[--dirties];
    int left = 0;
    for (int each = 0; each < named; each++)
        if (!(S_ISDIR(now.st_mode) && is_in(names[each].made, path))) names[left++] = names[each];
    named = left;
    pthread_mutex_unlock(&guard);
}

/* Keeps the file that a rename is about to replace, outside the watched folder. */
static void keep(const char *path, char *place) {
    struct stat now;
    place[0] = 0;
    if (control->mode != CUT_NAMES || lstat(path, &now) != 0) return;
    pthread_mutex_lock(&guard);
    snprintf(place, PATH_MAX, "%s.kept-%d-%d", control->root, getpid(), kept++);
    pthread_mutex_unlock(&guard);
    syscall(SYS_linkat, AT_FDCWD, path, AT_FDCWD, place, 0);
}

static void made(const char *path, const char *from, const char *over) {
    if (!cuts()) return;
    pthread_mutex_lock(&guard);
    for (int each = 0; from != NULL && each < dirties; each++)
        if (strcmp(dirty[each].path, from) == 0) strcpy(dirty[each].path, path);
    if (named < DIRTY) {
        strcpy(names[named].made, path);
        strcpy(names[named].from, from != NULL && over != NULL ? from : "");
        strcpy(names[named++].over, over != NULL ? over : "");
    }
    pthread_mutex_unlock(&guard);
}

static void cut(void) {
    pthread_mutex_lock(&guard);
    for (int each = 0; each < dirties; each++) {
        struct stat now;
        int handle = (int)syscall(SYS_openat, AT_FDCWD, dirty[each].path, O_WRONLY | O_CLOEXEC, 0);
        if (handle < 0 || fstat(handle, &now) != 0 || now.st_ino != dirty[each].ino) continue;
        if (now.st_size > dirty[each].safe) syscall(SYS_ftruncate, handle, dirty[each].safe);
    }
    for (int each = named; control->mode == CUT_NAMES && each-- > 0;) {
        if (names[each].from[0]) syscall(SYS_renameat, AT_FDCWD, names[each].made, AT_FDCWD, names[each].from);
        else syscall(SYS_unlinkat, AT_FDCWD, names[each].made, 0);
        if (names[each].over[0]) syscall(SYS_renameat, AT_FDCWD, names[each].over, AT_FDCWD, names[each].made);
    }
}

/* --- one call --- */

/* What is to happen to this call: 0 it goes through, 1 it fails and errno is set, 2 it is cut short. */
static int struck(enum kind kind, const char *call, const char *path) {
    if (!(control->kinds & kind)) return 0;
    long number = __atomic_add_fetch(&control->count, 1, __ATOMIC_SEQ_CST);
    int64_t mode = control->mode;
    int strikes = mode == FROM_THEN_ON ? number >= control->target : mode != COUNT && number == control->target;
    if (!strikes) {
        say(number, call, path, "");
        return 0;
    }
    __atomic_add_fetch(&control->faults, 1, __ATOMIC_SEQ_CST);
    say(number, call, path, mode == SHORT ? "short" : mode >= KILL ? "killed" : strerror((int)control->error));
    if (mode == SHORT) return 2;
    if (mode >= KILL) {
        if (mode != KILL) cut();
        kill(0, SIGKILL);
        for (;;) pause();
    }
    errno = (int)control->error;
    return 1;
}

#define BY_HANDLE(kind, name, handle, fails, ...)                                       \
    char path[PATH_MAX];                                                                \
    int watched = is_armed() && path_of(handle, path) && is_watched(path);              \
    int strike = watched ? struck(kind, name, path) : 0;                                \
    if (strike == 1) return fails;                                                      \
    if (watched && (kind) == WRITE) will_write(handle, path);

#define HALF(count) (strike == 2 && (count) > 1 ? (count) / 2 : (count))

ssize_t write(int handle, const void *bytes, size_t count) {
    BY_HANDLE(WRITE, "write", handle, -1)
    return REAL(write)(handle, bytes, HALF(count));
}

ssize_t pwrite(int handle, const void *bytes, size_t count, off_t at) {
    BY_HANDLE(WRITE, "pwrite", handle, -1)
    return REAL(pwrite)(handle, bytes, HALF(count), at);
}

ssize_t pwrite64(int handle, const void *bytes, size_t count, off64_t at) {
    BY_HANDLE(WRITE, "pwrite64", handle, -1)
    return REAL(pwrite64)(handle, bytes, HALF(count), at);
}

/* Of a list of buffers the first half of the first. */
static ssize_t first_half(int handle, const struct iovec *list, off64_t at) {
    size_t half = list[0].iov_len > 1 ? list[0].iov_len / 2 : list[0].iov_len;
    return at < 0 ? REAL(write)(handle, list[0].iov_base, half) : REAL(pwrite64)(handle, list[0].iov_base, half, at);
}

ssize_t writev(int handle, const struct iovec *list, int count) {
    BY_HANDLE(WRITE, "writev", handle, -1)
    return strike == 2 && count > 0 ? first_half(handle, list, -1) : REAL(writev)(handle, list, count);
}

ssize_t pwritev(int handle, const struct iovec *list, int count, off_t at) {
    BY_HANDLE(WRITE, "pwritev", handle, -1)
    return strike == 2 && count > 0 ? first_half(handle, list, at) : REAL(pwritev)(handle, list, count, at);
}

ssize_t pwritev64(int handle, const struct iovec *list, int count, off64_t at) {
    BY_HANDLE(WRITE, "pwritev64", handle, -1)
    return strike == 2 && count > 0 ? first_half(handle, list, at) : REAL(pwritev64)(handle, list, count, at);
}

ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t count, unsigned flags) {
    BY_HANDLE(WRITE, "copy_file_range", to, -1)
    return REAL(copy_file_range)(from, from_at, to, to_at, HALF(count), flags);
}

ssize_t sendfile(int to, int from, off_t *at, size_t count) {
    BY_HANDLE(WRITE, "sendfile", to, -1)
    return REAL(sendfile)(to, from, at, HALF(count));
}

ssize_t sendfile64(int to, int from, off64_t *at, size_t count) {
    BY_HANDLE(WRITE, "sendfile64", to, -1)
    return REAL(sendfile64)(to, from, at, HALF(count));
}

#define SYNCING(name)                                             \
    int name(int handle) {                                        \
        BY_HANDLE(SYNC, #name, handle, -1)                        \
        int done = REAL(name)(handle);                            \
        if (watched && done == 0) synced(handle, path);           \
        return done;                                              \
    }
SYNCING(fsync)
SYNCING(fdatasync)

int ftruncate(int handle, off_t length) {
    BY_HANDLE(TRUNCATE, "ftruncate", handle, -1)
    return REAL(ftruncate)(handle, length);
}

int ftruncate64(int handle, off64_t length) {
    BY_HANDLE(TRUNCATE, "ftruncate64", handle, -1)
    return REAL(ftruncate64)(handle, length);
}

int fallocate(int handle, int how, off_t at, off_t length) {
    BY_HANDLE(TRUNCATE, "fallocate", handle, -1)
    return REAL(fallocate)(handle, how, at, length);
}

int fallocate64(int handle, int how, off64_t at, off64_t length) {
    BY_HANDLE(TRUNCATE, "fallocate64", handle, -1)
    return REAL(fallocate64)(handle, how, at, length);
}

int posix_fallocate(int handle, off_t at, off_t length) {
    BY_HANDLE(TRUNCATE, "posix_fallocate", handle, errno)
    return REAL(posix_fallocate)(handle, at, length);
}

int posix_fallocate64(int handle, off64_t at, off64_t length) {
    BY_HANDLE(TRUNCATE, "posix_fallocate64", handle, errno)
    return REAL(posix_fallocate64)(handle, at, length);
}

static int moved(const char *call, int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
    char old[PATH_MAX], new[PATH_MAX], over[PATH_MAX];
    int watched = is_armed() && path_at(from_folder, from, old) && path_at(to_folder, to, new) && is_watched(new);
    if (watched && struck(RENAME, call, new) == 1) return -1;
    if (watched) keep(new, over);
    int done = flags ? REAL(renameat2)(from_folder, from, to_folder, to, flags)
                     : REAL(renameat)(from_folder, from, to_folder, to);
    if (watched && done == 0) made(new, old, over);
    return done;
}

int rename(const char *from, const char *to) { return moved("rename", AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int a, const char *from, int b, const char *to) { return moved("renameat", a, from, b, to, 0); }
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) {
    return moved("renameat2", a, from, b, to, flags);
}

static int linked(const char *call, int from_folder, const char *from, int to_folder, const char *to, int flags) {
    char old[PATH_MAX], new[PATH_MAX];
    int watched = is_armed() && path_at(from_folder, from, old) && path_at(to_folder, to, new) && is_watched(new);
    if (watched && struck(LINK, call, new) == 1) return -1;
    int done = REAL(linkat)(from_folder, from, to_folder, to, flags);
    if (watched && done == 0) made(new, old, NULL);
    return done;
}

int link(const char *from, const char *to) { return linked("link", AT_FDCWD, from, AT_FDCWD, to, 0); }
int linkat(int a, const char *from, int b, const char *to, int flags) { return linked("linkat", a, from, b, to, flags); }

int symlink(const char *from, const char *to) {
    char path[PATH_MAX];
    int watched = is_armed() && path_at(AT_FDCWD, to, path) && is_watched(path);
    return watched && struck(LINK, "symlink", path) == 1 ? -1 : REAL(symlink)(from, to);
}

#define BY_NAME(function, kind, parameters, folder, name, call)                                   \
    int function parameters {                                                                     \
        char path[PATH_MAX];                                                                      \
        int watched = is_armed() && path_at(folder, name, path) && is_watched(path);              \
        return watched && struck(kind, #function, path) == 1 ? -1 : REAL(function) call;          \
    }
BY_NAME(unlink, UNLINK, (const char *name), AT_FDCWD, name, (name))
BY_NAME(unlinkat, UNLINK, (int folder, const char *name, int flags), folder, name, (folder, name, flags))
BY_NAME(rmdir, UNLINK, (const char *name), AT_FDCWD, name, (name))
BY_NAME(mkdir, is_there(path) ? 0 : MKDIR, (const char *name, mode_t how), AT_FDCWD, name, (name, how))
BY_NAME(mkdirat, is_there(path) ? 0 : MKDIR, (int folder, const char *name, mode_t how), folder, name, (folder, name, how))
BY_NAME(truncate, TRUNCATE, (const char *name, off_t length), AT_FDCWD, name, (name, length))
BY_NAME(truncate64, TRUNCATE, (const char *name, off64_t length), AT_FDCWD, name, (name, length))

/* Opening counts where it makes a file, or empties one. */
static int opened(const char *call, int folder, const char *name, int flags, mode_t how) {
    char path[PATH_MAX];
    int watched = (flags & (O_CREAT | O_TRUNC)) && is_armed() && path_at(folder, name, path) && is_watched(path);
    int there = watched && is_there(path);
    if (watched && !there && (flags & O_CREAT) && struck(CREATE, call, path) == 1) return -1;
    if (watched && there && (flags & O_TRUNC) && struck(TRUNCATE, call, path) == 1) return -1;
    int handle = REAL(openat64)(folder, name, flags, how);
    if (watched && !there && handle >= 0) made(path, NULL, NULL);
    return handle;
}

static mode_t how_of(int flags, va_list rest) {
    return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(rest, mode_t) : 0;
}

#define OPENING(function, parameters, folder)                        \
    int function parameters {                                        \
        va_list rest;                                                \
        va_start(rest, flags);                                       \
        mode_t how = how_of(flags, rest);                            \
        va_end(rest);                                                \
        return opened(#function, folder, name, flags, how);          \
    }
OPENING(open, (const char *name, int flags, ...), AT_FDCWD)
OPENING(open64, (const char *name, int flags, ...), AT_FDCWD)
OPENING(openat, (int folder, const char *name, int flags, ...), folder)
OPENING(openat64, (int folder, const char *name, int flags, ...), folder)

int creat(const char *name, mode_t how) { return opened("creat", AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, how); }
