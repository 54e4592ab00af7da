/* Lets writes to the files under FAULTS_FOLDER fail as the file at FAULTS_ORDER says: with the error
 * number in it, and only while it is there. A number after it makes writes succeed and syncs fail. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

enum call { WRITE, SYNC };

/* The error for this call, or 0. */
static int fault(int file, enum call call) {
    const char *folder = getenv("FAULTS_FOLDER"), *order = getenv("FAULTS_ORDER");
    char link[64], path[PATH_MAX];
    int number = 0, only_syncs = 0;
    if (!folder || !order)
        return 0;
    FILE *stream = fopen(order, "re");
    if (!stream)
        return 0;
    if (fscanf(stream, "%d %d", &number, &only_syncs) < 1)
        number = 0;
    fclose(stream);
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0 || strncmp(path, folder, strlen(folder)) != 0)
        return 0;
    return only_syncs && call == WRITE ? 0 : number;
}

#define FAILING(call, result) \
    int error = fault(file, call); \
    if (error) { \
        errno = error; \
        return -1; \
    } \
    return result

ssize_t pwrite64(int file, const void *data, size_t length, off64_t offset) {
    FAILING(WRITE, REAL(pwrite64)(file, data, length, offset));
}

ssize_t write(int file, const void *data, size_t length) {
    FAILING(WRITE, REAL(write)(file, data, length));
}

int ftruncate64(int file, off64_t length) { FAILING(WRITE, REAL(ftruncate64)(file, length)); }
int fsync(int file) { FAILING(SYNC, REAL(fsync)(file)); }
int fdatasync(int file) { return fsync(file); }
