/* A clock that jumps, on demand: a library to be preloaded (LD_PRELOAD) into the process under test.
 *
 * Here: the time of day, moved by the seconds that the file TORTURE_CLOCK names holds, as they are at each call. Not
 * here: when it jumps (torture_clock.py), and what must hold afterwards (test_torture_clock.py). Clocks that cannot jump are left alone.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int64_t *seconds;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("TORTURE_CLOCK");
    int handle = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (handle < 0) return;
    void *place = mmap(NULL, sizeof *seconds, PROT_READ, MAP_SHARED, handle, 0);
    close(handle);
    if (place != MAP_FAILED) seconds = place;
}

static int64_t moved(void) { return seconds == NULL ? 0 : *seconds; }

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (real == NULL) real = (__typeof__(real))dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += moved();
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    static int (*real)(struct timeval *, void *);
    if (real == NULL) real = (__typeof__(real))dlsym(RTLD_NEXT, "gettimeofday");
    int failed = real(now, zone);
    if (!failed) now->tv_sec += moved();
    return failed;
}

time_t time(time_t *place) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (place != NULL) *place = now.tv_sec;
    return now.tv_sec;
}
