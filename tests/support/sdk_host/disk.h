/* SQLite's own file system, with points around every write and every wait for the disk. */
#ifndef TESTS_SUPPORT_SDK_HOST_DISK_H
#define TESTS_SUPPORT_SDK_HOST_DISK_H

/* Once, before the first client. */
void disk_watch(void);

#endif
