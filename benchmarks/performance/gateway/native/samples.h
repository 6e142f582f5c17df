// What the load generator measures beside its counts: times, and what other processes used meanwhile.
#pragma once
#include "shared.h"
#include <dirent.h>

struct samples {
  uint64_t *ns;
  size_t count, capacity;
};

static inline void add_sample(struct samples *samples, uint64_t ns) {
  if (samples->count == samples->capacity) {
    samples->capacity = samples->capacity ? 2 * samples->capacity : 4096;
    samples->ns = grown(samples->ns, samples->capacity * sizeof *samples->ns);
  }
  samples->ns[samples->count++] = ns;
}

static int by_size(const void *left, const void *right) {
  uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
  return a < b ? -1 : a > b;
}

static inline double quantile_ms(const struct samples *sorted, double part) {
  size_t at = (size_t)(part * (double)sorted->count);
  if (at >= sorted->count) at = sorted->count - 1;
  return (double)sorted->ns[at] / 1e6;
}

static inline void print_samples(const char *name, struct samples *samples) {
  if (samples->count == 0) {
    printf(",\"%s\":null", name);
    return;
  }
  qsort(samples->ns, samples->count, sizeof *samples->ns, by_size);
  printf(",\"%s\":{\"count\":%zu,\"p50\":%.4f,\"p99\":%.4f,\"max\":%.4f}", name, samples->count,
         quantile_ms(samples, 0.5), quantile_ms(samples, 0.99), quantile_ms(samples, 1));
}

#define PROCESSES_MAX 16
struct process {
  char name[32];
  int pid;
  double cpu_s[2];
  long memory_kib[2];
};
static struct process processes[PROCESSES_MAX];
static int processes_count;
static double busy_s[2];

// Takes name=pid.
static inline void add_process(const char *named) {
  if (processes_count == PROCESSES_MAX) return;
  struct process *process = &processes[processes_count];
  if (sscanf(named, "%31[^=]=%d", process->name, &process->pid) == 2) processes_count++;
}

// Run time of all threads, in the scheduler's nanoseconds: no sampling.
static inline double cpu_of(int pid) {
  char path[400];
  double seconds = 0;
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR *tasks = opendir(path);
  if (tasks == NULL) return 0;
  for (struct dirent *entry; (entry = readdir(tasks)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, entry->d_name);
    FILE *file = fopen(path, "r");
    unsigned long long ns;
    if (file == NULL) continue;
    if (fscanf(file, "%llu", &ns) == 1) seconds += (double)ns / 1e9;
    fclose(file);
  }
  closedir(tasks);
  return seconds;
}

static inline long memory_of(int pid) {
  char path[64], line[256];
  long kib = 0;
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  FILE *file = fopen(path, "r");
  if (file == NULL) return 0;
  while (fgets(line, sizeof line, file))
    if (strncmp(line, "VmRSS:", 6) == 0) kib = atol(line + 6);
  fclose(file);
  return kib;
}

static inline double busy_of_machine(void) {
  unsigned long long user, nice, system, idle, wait, irq, soft;
  FILE *file = fopen("/proc/stat", "r");
  if (file == NULL) return 0;
  int read = fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system, &idle, &wait, &irq, &soft);
  fclose(file);
  return read == 7 ? (double)(user + nice + system + irq + soft) / (double)sysconf(_SC_CLK_TCK) : 0;
}

// At the beginning (0) and the end (1) of what is measured.
static inline void look_at_processes(int when) {
  for (int at = 0; at < processes_count; at++) {
    processes[at].cpu_s[when] = cpu_of(processes[at].pid);
    processes[at].memory_kib[when] = memory_of(processes[at].pid);
  }
  busy_s[when] = busy_of_machine();
}

static inline void print_processes(void) {
  printf(",\"machineCpuSeconds\":%.3f,\"processes\":{", busy_s[1] - busy_s[0]);
  for (int at = 0; at < processes_count; at++) {
    struct process *process = &processes[at];
    printf("%s\"%s\":{\"cpuSeconds\":%.4f,\"memoryKib\":%ld}", at == 0 ? "" : ",", process->name,
           process->cpu_s[1] - process->cpu_s[0], process->memory_kib[1]);
  }
  printf("}");
}
