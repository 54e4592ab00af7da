/* Records what a process does to the files under RECORDER_FOLDER, in order, to RECORDER_LOG.
 *
 * A record is: kind, length of the path, offset, length of the data (little end first, no gaps), then
 * the path and the data. A call and its record are one step under a lock, so the order of the records
 * is that of the calls, and what the process does because of a call comes after it in the log.
 *
 * SQLite maps its index of the write-ahead log (-shm), and writes through no other mapping. That file
 * does not outlive a loss of power and is not recorded. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { CREATED = 'c', WRITTEN = 'w', TRUNCATED = 't', SYNCED = 's', RENAMED = 'r', UNLINKED = 'u' };

struct head {
    uint8_t kind;
    uint32_t path_length;
    uint64_t offset;
    uint32_t data_length;
} __attribute__((packed));

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_file = -1;
static const char *folder;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void start(void) {
    folder = getenv("RECORDER_FOLDER");
    const char *path = getenv("RECORDER_LOG");
    if (folder && path)
        log_file = REAL(open64)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int is_recorded(const char *path) {
    size_t length = strlen(path);
    return log_file >= 0 && strncmp(path, folder, strlen(folder)) == 0
        && !(length > 4 && strcmp(path + length - 4, "-shm") == 0);
}

static int path_of(int file, char path[PATH_MAX]) {
    char link[64];
    int error = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = log_file < 0 ? -1 : readlink(link, path, PATH_MAX - 1);
    errno = error;
    if (length < 0)
        return 0;
    path[length] = 0;
    return is_recorded(path);
}

static void record(enum kind kind, const char *path, uint64_t offset, const void *data, size_t length) {
    struct head head = {kind, (uint32_t)strlen(path), offset, (uint32_t)length};
    struct iovec parts[] = {{&head, sizeof head}, {(void *)path, head.path_length}, {(void *)data, length}};
    if (writev(log_file, parts, 3) != (ssize_t)(sizeof head + head.path_length + length))
        abort();
}

#define STEP(type, call, done, entry) \
    pthread_mutex_lock(&lock); \
    type result = call; \
    int error = errno; \
    if (done) \
        entry; \
    pthread_mutex_unlock(&lock); \
    errno = error; \
    return result

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    if (!(flags & O_CREAT) || !is_recorded(path) || access(path, F_OK) == 0)
        return REAL(open64)(path, flags, mode);
    STEP(int, REAL(open64)(path, flags, mode), result >= 0, record(CREATED, path, 0, "", 0));
}

ssize_t pwrite64(int file, const void *data, size_t length, off64_t offset) {
    char path[PATH_MAX];
    if (!path_of(file, path))
        return REAL(pwrite64)(file, data, length, offset);
    STEP(ssize_t, REAL(pwrite64)(file, data, length, offset), result > 0,
         record(WRITTEN, path, (uint64_t)offset, data, (size_t)result));
}

ssize_t write(int file, const void *data, size_t length) {
    char path[PATH_MAX];
    off64_t offset = lseek64(file, 0, SEEK_CUR);
    if (offset < 0 || !path_of(file, path))
        return REAL(write)(file, data, length);
    STEP(ssize_t, REAL(write)(file, data, length), result > 0,
         record(WRITTEN, path, (uint64_t)offset, data, (size_t)result));
}

int ftruncate64(int file, off64_t length) {
    char path[PATH_MAX];
    if (!path_of(file, path))
        return REAL(ftruncate64)(file, length);
    STEP(int, REAL(ftruncate64)(file, length), result == 0, record(TRUNCATED, path, (uint64_t)length, "", 0));
}

int fsync(int file) {
    char path[PATH_MAX];
    if (!path_of(file, path))
        return REAL(fsync)(file);
    STEP(int, REAL(fsync)(file), result == 0, record(SYNCED, path, 0, "", 0));
}

int fdatasync(int file) { return fsync(file); }

int rename(const char *from, const char *to) {
    if (!is_recorded(from))
        return REAL(rename)(from, to);
    STEP(int, REAL(rename)(from, to), result == 0, record(RENAMED, from, 0, to, strlen(to)));
}

int unlink(const char *path) {
    if (!is_recorded(path))
        return REAL(unlink)(path);
    STEP(int, REAL(unlink)(path), result == 0, record(UNLINKED, path, 0, "", 0));
}
