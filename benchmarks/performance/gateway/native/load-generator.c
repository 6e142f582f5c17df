// Sends one kind of request over HTTP/1.1 on loopback and counts what comes: open loop (Poisson
// arrivals, timed from when a request should have left) or closed (so many under way at all times).
// An answer that does not carry each of its deltas counts as wrong. Prints one line of JSON.
#include "shared.h"
#include "samples.h"
#include <math.h>

#define CONNECTIONS_MAX 20000
#define HEAD_BYTES_MAX 8192
#define READ_BYTES 65536
#define EVENTS_MAX 512
#define KEYS_MAX 4096
#define ERRORS_MAX 1000
#define FAULT_BYTES_MAX 400

static struct {
  int port, deltas, open_at_once, ramp_ms, warm_ms, measure_ms, drain_ms, is_streamed;
  double per_second;
  const char *path, *body, *headers, *keys;
} options = {.path = "/v1/chat/completions", .headers = "", .drain_ms = 20000, .is_streamed = 1};

enum phase { IDLE, CONNECTING, HEAD, CHUNK_SIZE, CHUNK, CHUNK_END, TRAILER, COUNTED_BODY };
struct connection {
  int fd, is_ok, closes_after, deltas, is_first, done_matched, stamp_digits;
  enum phase phase;
  uint64_t intended_ns, stamp_ns, size;
  size_t written, head_length, line_length;
  const char *request;
  size_t request_length;
  char head[HEAD_BYTES_MAX];
  struct connection *next_idle;
};

static int epoll_fd;
static uint64_t random_state = 0x9E3779B97F4A7C15ull, begin_ns, measure_ns, end_ns;
static char *requests[KEYS_MAX];
static size_t request_lengths[KEYS_MAX], requests_count, next_request, connections;
static struct connection *idle;
static uint64_t under_way, answered, wrong, errors, bytes_in, deltas_in;
static struct samples first_ms, delta_ms, total_ms;
static char fault[FAULT_BYTES_MAX + 1];

static int is_measured(uint64_t at_ns) { return at_ns >= measure_ns && at_ns < end_ns; }

static void note_fault(const char *bytes, size_t length) {
  size_t have = strlen(fault), room = FAULT_BYTES_MAX - have;
  if (length > room) length = room;
  for (size_t at = 0; at < length; at++) {
    char byte = bytes[at];
    fault[have + at] = byte == '"' || byte == '\\' || byte < ' ' ? ' ' : byte;
  }
  fault[have + length] = 0;
}

static void watch(struct connection *connection, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = connection};
  epoll_ctl(epoll_fd, EPOLL_CTL_MOD, connection->fd, &event);
}

static void finish(struct connection *connection, int is_ok, uint64_t at_ns);

static void write_request(struct connection *connection) {
  const char *rest = connection->request + connection->written;
  ssize_t sent = send(connection->fd, rest, connection->request_length - connection->written, MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) {
    finish(connection, 0, now_ns());
    return;
  }
  if (sent > 0) connection->written += (size_t)sent;
  watch(connection, connection->written < connection->request_length ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void begin_request(struct connection *connection) {
  connection->phase = HEAD;
  connection->is_ok = connection->is_first = 1;
  connection->closes_after = connection->deltas = connection->done_matched = 0;
  connection->stamp_digits = -1;
  connection->written = connection->head_length = connection->line_length = 0;
  connection->request = requests[next_request];
  connection->request_length = request_lengths[next_request];
  next_request = (next_request + 1) % requests_count;
  write_request(connection);
}

static void connect_out(struct connection *connection) {
  connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (connection->fd < 0) fail("socket");
  send_without_delay(connection->fd);
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)options.port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (connect(connection->fd, (void *)&address, sizeof address) != 0 && errno != EINPROGRESS) fail("connect");
  connection->phase = CONNECTING;
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = connection};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, connection->fd, &event);
}

static void ask(uint64_t intended_ns) {
  struct connection *connection = idle;
  if (connection == NULL) {
    if (connections == CONNECTIONS_MAX) {
      note_fault("too many connections were needed", 32);
      errors++;
      return;
    }
    connection = calloc(1, sizeof *connection);
    if (connection == NULL) fail("calloc");
    connection->fd = -1;
    connections++;
  } else idle = connection->next_idle;
  under_way++;
  connection->intended_ns = intended_ns;
  if (connection->fd < 0) connect_out(connection);
  else begin_request(connection);
}

static void finish(struct connection *connection, int is_ok, uint64_t at_ns) {
  under_way--;
  int is_whole = connection->deltas == options.deltas && (!options.is_streamed || connection->done_matched == 6);
  if (!is_ok) errors++;
  else if (!is_whole) {
    wrong++;
    char text[100];
    note_fault(text, (size_t)sprintf(text, "%d of %d deltas, end %d; ", connection->deltas, options.deltas, connection->done_matched));
  } else if (is_measured(at_ns)) answered++;
  if (is_ok && is_measured(connection->intended_ns)) add_sample(&total_ms, at_ns - connection->intended_ns);
  if (!is_ok || connection->closes_after) {
    close(connection->fd);
    connection->fd = -1;
  }
  connection->phase = IDLE;
  connection->next_idle = idle;
  idle = connection;
  if (options.open_at_once > 0 && at_ns < end_ns && errors < ERRORS_MAX) ask(at_ns);
}

// Counts deltas and reads stamps; `[DONE]` may be cut anywhere.
static void take_body(struct connection *connection, const char *bytes, size_t length, uint64_t at_ns) {
  static const char done[] = "[DONE]";
  if (!connection->is_ok) {
    note_fault(bytes, length);
    return;
  }
  int before = connection->deltas;
  for (size_t at = 0; at < length; at++) {
    char byte = bytes[at];
    if (byte == MARK) connection->deltas++;
    if (connection->done_matched < 6)
      connection->done_matched = byte == done[connection->done_matched] ? connection->done_matched + 1 : byte == '[';
    if (byte == STAMP) {
      connection->stamp_digits = 0;
      connection->stamp_ns = 0;
    } else if (connection->stamp_digits >= 0) {
      if (byte < '0' || byte > '9') connection->stamp_digits = -1;
      else {
        connection->stamp_ns = connection->stamp_ns * 10 + (uint64_t)(byte - '0');
        if (++connection->stamp_digits == STAMP_DIGITS) {
          if (is_measured(at_ns)) add_sample(&delta_ms, at_ns - connection->stamp_ns);
          connection->stamp_digits = -1;
        }
      }
    }
  }
  if (connection->deltas == before) return;
  if (connection->is_first && is_measured(connection->intended_ns)) add_sample(&first_ms, at_ns - connection->intended_ns);
  connection->is_first = 0;
  if (is_measured(at_ns)) deltas_in += (uint64_t)(connection->deltas - before);
}

// Reads the head when it is all here; returns the bytes of this part that belong to it, or -1.
static ssize_t take_head(struct connection *connection, const char *bytes, size_t length) {
  size_t before = connection->head_length, room = HEAD_BYTES_MAX - 1 - before;
  size_t taken = length < room ? length : room;
  memcpy(connection->head + before, bytes, taken);
  connection->head[before + taken] = 0;
  char *end = strstr(connection->head, "\r\n\r\n");
  connection->head_length += taken;
  if (end == NULL) return taken == room ? -1 : (ssize_t)taken;
  end[2] = 0;
  connection->is_ok = strncmp(connection->head + 9, "200", 3) == 0;
  if (!connection->is_ok) note_fault(connection->head, 30);
  char *counted = strcasestr(connection->head, "\ncontent-length:");
  connection->closes_after = strcasestr(connection->head, "\nconnection: close") != NULL;
  if (strcasestr(connection->head, "\ntransfer-encoding: chunked")) connection->phase = CHUNK_SIZE;
  else if (counted != NULL) connection->phase = COUNTED_BODY;
  else return -1;
  connection->size = counted == NULL ? 0 : strtoull(counted + 16, NULL, 10);
  connection->line_length = 0;
  return (ssize_t)(end - connection->head) + 4 - (ssize_t)before;
}

static uint64_t hex(char byte) {
  if (byte >= '0' && byte <= '9') return (uint64_t)(byte - '0');
  return (uint64_t)((byte | 32) - 'a') + 10;
}

// True when the answer is over.
static int take(struct connection *connection, const char *bytes, size_t length, uint64_t at_ns) {
  size_t at = 0;
  while (at < length) {
    char byte = bytes[at];
    switch (connection->phase) {
      case HEAD: {
        ssize_t taken = take_head(connection, bytes, length);
        if (taken < 0) {
          connection->is_ok = 0;
          return 1;
        }
        at += (size_t)taken;
        break;
      }
      case CHUNK_SIZE:
        at++;
        if (byte == '\n') {
          connection->phase = connection->size > 0 ? CHUNK : TRAILER;
          connection->line_length = 0;
        } else if (byte != '\r') connection->size = connection->size * 16 + hex(byte);
        break;
      case CHUNK:
      case COUNTED_BODY: {
        size_t part = length - at < connection->size ? length - at : connection->size;
        take_body(connection, bytes + at, part, at_ns);
        at += part;
        connection->size -= part;
        if (connection->size > 0) break;
        if (connection->phase == COUNTED_BODY) return 1;
        connection->phase = CHUNK_END;
        break;
      }
      case CHUNK_END:
        at++;
        if (byte == '\n') connection->phase = CHUNK_SIZE;
        break;
      case TRAILER:
        at++;
        if (byte == '\n' && connection->line_length == 0) return 1;
        if (byte == '\n') connection->line_length = 0;
        else if (byte != '\r') connection->line_length++;
        break;
      default: return 0;
    }
  }
  return connection->phase == COUNTED_BODY && connection->size == 0;
}

static void serve(struct connection *connection, uint32_t events) {
  static char bytes[READ_BYTES];
  if (connection->fd < 0) return;
  if (connection->phase == CONNECTING) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
      note_fault(strerror(error), strlen(strerror(error)));
      finish(connection, 0, now_ns());
    } else begin_request(connection);
    return;
  }
  if ((events & EPOLLOUT) && connection->phase == HEAD) write_request(connection);
  if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
  ssize_t got = recv(connection->fd, bytes, sizeof bytes, 0);
  if (got < 0 && errno == EAGAIN) return;
  uint64_t at_ns = now_ns();
  if (got <= 0 && connection->phase == IDLE) {
    close(connection->fd);
    connection->fd = -1;
  } else if (got <= 0) {
    note_fault("the connection was closed early; ", 33);
    finish(connection, 0, at_ns);
  } else {
    if (is_measured(at_ns)) bytes_in += (uint64_t)got;
    if (take(connection, bytes, (size_t)got, at_ns)) finish(connection, connection->is_ok, at_ns);
  }
}

static void build_requests(void) {
  FILE *keys = options.keys == NULL ? NULL : fopen(options.keys, "r");
  if (options.keys != NULL && keys == NULL) fail(options.keys);
  char key[256] = "none";
  while (requests_count < KEYS_MAX && (keys == NULL || fscanf(keys, "%255s", key) == 1)) {
    size_t room = strlen(options.body) + strlen(options.headers) + 1024;
    char *request = grown(NULL, room);
    int length = snprintf(request, room,
                          "POST %s HTTP/1.1\r\nhost: 127.0.0.1:%d\r\ncontent-type: application/json\r\n"
                          "authorization: Bearer %s\r\n%scontent-length: %zu\r\n\r\n%s",
                          options.path, options.port, key, options.headers, strlen(options.body), options.body);
    requests[requests_count] = request;
    request_lengths[requests_count++] = (size_t)length;
    if (keys == NULL) break;
  }
  if (requests_count == 0) {
    fprintf(stderr, "no keys in %s\n", options.keys);
    exit(2);
  }
}

static void read_options(int count, char **arguments) {
  for (int at = 1; at + 1 < count; at += 2) {
    const char *name = arguments[at], *value = arguments[at + 1];
    if (!strcmp(name, "--port")) options.port = atoi(value);
    else if (!strcmp(name, "--path")) options.path = value;
    else if (!strcmp(name, "--body")) options.body = value;
    else if (!strcmp(name, "--headers")) options.headers = value;
    else if (!strcmp(name, "--keys")) options.keys = value;
    else if (!strcmp(name, "--deltas")) options.deltas = atoi(value);
    else if (!strcmp(name, "--streamed")) options.is_streamed = atoi(value);
    else if (!strcmp(name, "--open")) options.open_at_once = atoi(value);
    else if (!strcmp(name, "--rate")) options.per_second = atof(value);
    else if (!strcmp(name, "--ramp-ms")) options.ramp_ms = atoi(value);
    else if (!strcmp(name, "--warm-ms")) options.warm_ms = atoi(value);
    else if (!strcmp(name, "--measure-ms")) options.measure_ms = atoi(value);
    else if (!strcmp(name, "--drain-ms")) options.drain_ms = atoi(value);
    else if (!strcmp(name, "--process")) add_process(value);
    else {
      fprintf(stderr, "unknown option %s\n", name);
      exit(2);
    }
  }
  if (options.body == NULL || (options.open_at_once > 0) == (options.per_second > 0)) {
    fprintf(stderr, "needs --body, and one of --open and --rate\n");
    exit(2);
  }
}

int main(int count, char **arguments) {
  signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  read_options(count, arguments);
  build_requests();
  epoll_fd = epoll_create1(0);
  begin_ns = now_ns();
  measure_ns = begin_ns + (uint64_t)options.warm_ms * NS_PER_MS;
  end_ns = measure_ns + (uint64_t)options.measure_ms * NS_PER_MS;
  uint64_t next_ns = begin_ns, last_ns = end_ns + (uint64_t)options.drain_ms * NS_PER_MS, open_at_end = 0;
  int begun = 0, looked = 0;
  for (;;) {
    uint64_t now = now_ns();
    if (looked == 0 && now >= measure_ns) {
      look_at_processes(0);
      looked = 1;
    }
    if (looked == 1 && now >= end_ns) {
      look_at_processes(1);
      looked = 2;
      open_at_end = under_way;
    }
    if (looked == 2 && (under_way == 0 || now >= last_ns)) break;
    if (errors >= ERRORS_MAX) break;
    uint64_t wake = looked == 0 ? measure_ns : looked == 1 ? end_ns : last_ns;
    if (options.open_at_once > 0) {
      for (; begun < options.open_at_once && now < end_ns; begun++) {
        uint64_t due = begin_ns + (uint64_t)options.ramp_ms * NS_PER_MS * (uint64_t)begun / (uint64_t)options.open_at_once;
        if (due > now) {
          if (due < wake) wake = due;
          break;
        }
        ask(now);
      }
    } else {
      while (next_ns <= now && next_ns < end_ns) {
        ask(next_ns);
        double uniform = (double)((next_random(&random_state) >> 11) + 1) / 9007199254740993.0;
        next_ns += (uint64_t)(-log(uniform) / options.per_second * 1e9);
      }
      if (next_ns < end_ns && next_ns < wake) wake = next_ns;
    }
    now = now_ns();
    uint64_t left = wake > now ? wake - now : 0;
    struct timespec wait = {.tv_sec = (time_t)(left / NS_PER_S), .tv_nsec = (long)(left % NS_PER_S)};
    struct epoll_event events[EVENTS_MAX];
    int ready = epoll_pwait2(epoll_fd, events, EVENTS_MAX, &wait, NULL);
    for (int index = 0; index < ready; index++) serve(events[index].data.ptr, events[index].events);
  }
  // What should have ended and did not is as bad as an error.
  uint64_t unfinished = options.drain_ms > 0 ? under_way : 0;
  double seconds = options.measure_ms / 1000.0;
  printf("{\"requestsPerSecond\":%.2f,\"deltasPerSecond\":%.1f,\"bytesPerSecond\":%.0f,\"answered\":%llu,"
         "\"errors\":%llu,\"wrong\":%llu,\"unfinished\":%llu,\"openAtEnd\":%llu,\"fault\":\"%s\"",
         (double)answered / seconds, (double)deltas_in / seconds, (double)bytes_in / seconds,
         (unsigned long long)answered, (unsigned long long)errors, (unsigned long long)wrong,
         (unsigned long long)unfinished, (unsigned long long)open_at_end, fault);
  print_samples("firstMs", &first_ms);
  print_samples("deltaMs", &delta_ms);
  print_samples("totalMs", &total_ms);
  print_processes();
  printf("}\n");
  return 0;
}
