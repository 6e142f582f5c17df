// A stub behind the gateways, called what it is: an OpenAI-shaped server that streams fixed words on
// the schedule that a request's text names, "stub-t<first token ms>-n<deltas>-g<gap us>". One thread,
// loopback only, and fast enough that it is never what is measured. Prints its port.
#include "shared.h"

// Each holds the mark once. Words differ, so that no tokenizer answers from its cache alone.
static const char *WORDS[] = {"quick", "question", "equal",  "require", "quality", "quiet",
                              "unique", "request", "sequence", "liquid", "square", "acquire"};
#define WORDS_COUNT (sizeof WORDS / sizeof *WORDS)
// One delta in so many carries the time it was sent.
#define DELTAS_PER_STAMP 16
#define DELTAS_MAX 100000
#define DELTAS_DEFAULT 32
#define FIRST_TOKEN_MS_DEFAULT 20
#define REQUEST_BYTES_MAX (16u << 20)
// Deltas without a gap between them leave in pieces of so many bytes.
#define PIECE_BYTES 65536
#define EVENTS_MAX 512

struct connection;
struct answer {
  uint64_t due_ns, gap_ns;
  size_t heap_index;
  struct connection *connection;
  int deltas, sent, is_streamed;
};
struct buffer {
  char *bytes;
  size_t length, capacity;
};
struct connection {
  int fd, is_broken;
  struct buffer in, out;
  struct answer *answer;
};

static int epoll_fd;
static uint64_t random_state = 88172645463325252ull;

// A binary heap of the answers by when they have something to send.
static struct answer **heap;
static size_t heap_size, heap_capacity;

static void heap_set(size_t index, struct answer *answer) {
  heap[index] = answer;
  answer->heap_index = index;
}
static void heap_rise(size_t index) {
  struct answer *answer = heap[index];
  while (index > 0 && heap[(index - 1) / 2]->due_ns > answer->due_ns) {
    heap_set(index, heap[(index - 1) / 2]);
    index = (index - 1) / 2;
  }
  heap_set(index, answer);
}
static void heap_sink(size_t index) {
  struct answer *answer = heap[index];
  for (;;) {
    size_t child = 2 * index + 1;
    if (child >= heap_size) break;
    if (child + 1 < heap_size && heap[child + 1]->due_ns < heap[child]->due_ns) child++;
    if (heap[child]->due_ns >= answer->due_ns) break;
    heap_set(index, heap[child]);
    index = child;
  }
  heap_set(index, answer);
}
static void heap_add(struct answer *answer) {
  if (heap_size == heap_capacity) {
    heap_capacity = heap_capacity ? 2 * heap_capacity : 1024;
    heap = grown(heap, heap_capacity * sizeof *heap);
  }
  heap_set(heap_size++, answer);
  heap_rise(heap_size - 1);
}
static void heap_remove(struct answer *answer) {
  size_t index = answer->heap_index;
  struct answer *last = heap[--heap_size];
  if (last == answer) return;
  heap_set(index, last);
  heap_rise(index);
  heap_sink(last->heap_index);
}

static void buffer_add(struct buffer *buffer, const char *bytes, size_t length) {
  if (buffer->length + length > buffer->capacity) {
    buffer->capacity = 2 * (buffer->length + length);
    buffer->bytes = grown(buffer->bytes, buffer->capacity);
  }
  memcpy(buffer->bytes + buffer->length, bytes, length);
  buffer->length += length;
}
static void buffer_drop(struct buffer *buffer, size_t length) {
  memmove(buffer->bytes, buffer->bytes + length, buffer->length - length);
  buffer->length -= length;
}

static void watch(struct connection *connection) {
  uint32_t events = EPOLLIN | (connection->out.length > 0 ? EPOLLOUT : 0u);
  struct epoll_event event = {.events = events, .data.ptr = connection};
  epoll_ctl(epoll_fd, EPOLL_CTL_MOD, connection->fd, &event);
}
static void send_out(struct connection *connection, const char *bytes, size_t length) {
  if (connection->out.length == 0) {
    ssize_t sent = send(connection->fd, bytes, length, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) connection->is_broken = 1;
    if (sent == (ssize_t)length || connection->is_broken) return;
    if (sent > 0) {
      bytes += sent;
      length -= (size_t)sent;
    }
  }
  buffer_add(&connection->out, bytes, length);
  watch(connection);
}

#define HEAD "{\"id\":\"chatcmpl-C9x2mW7tLZb0pYfV3sKdR8hJ1nAe\",\"object\":\"chat.completion.chunk\"," \
  "\"created\":1767225600,\"model\":\"stub\",\"service_tier\":\"default\"," \
  "\"system_fingerprint\":\"fp_44709d6fcb\",\"choices\":["
#define CHOICE "{\"index\":0,\"delta\":%s,\"logprobs\":null,\"finish_reason\":%s}]}"

// Adds one event as a chunk of the transfer encoding.
static int put_event(char *out, const char *json) {
  return sprintf(out, "%zx\r\ndata: %s\n\n\r\n", strlen(json) + 8, json);
}
static int put_choice(char *out, const char *delta, const char *finish_reason) {
  char json[1024];
  snprintf(json, sizeof json, HEAD CHOICE, delta, finish_reason);
  return put_event(out, json);
}
static int put_word(char *out, int number) {
  char delta[128], stamp[32] = "";
  if (number % DELTAS_PER_STAMP == 0)
    sprintf(stamp, " %c%0*llu", STAMP, STAMP_DIGITS, (unsigned long long)now_ns());
  snprintf(delta, sizeof delta, "{\"content\":\" %s%s\"}", WORDS[number % WORDS_COUNT], stamp);
  return put_choice(out, delta, "null");
}
static int put_usage(char *json, int deltas) {
  return sprintf(json, "\"usage\":{\"prompt_tokens\":57,\"completion_tokens\":%d,\"total_tokens\":%d}}",
                 deltas, deltas + 57);
}

static void end_answer(struct answer *answer) {
  heap_remove(answer);
  answer->connection->answer = NULL;
  free(answer);
}

static void send_whole(struct answer *answer) {
  static char body[DELTAS_MAX * 12], head[256];
  int length = sprintf(body, "{\"id\":\"chatcmpl-C9x2mW7tLZb0pYfV3sKdR8hJ1nAe\",\"object\":\"chat.completion\","
                             "\"created\":1767225600,\"model\":\"stub\",\"choices\":[{\"index\":0,"
                             "\"message\":{\"role\":\"assistant\",\"content\":\"");
  for (int word = 0; word < answer->deltas; word++)
    length += sprintf(body + length, " %s", WORDS[(size_t)word % WORDS_COUNT]);
  length += sprintf(body + length, "\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}],");
  length += put_usage(body + length, answer->deltas);
  int head_length = sprintf(head, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n", length);
  struct buffer all = {0};
  buffer_add(&all, head, (size_t)head_length);
  buffer_add(&all, body, (size_t)length);
  send_out(answer->connection, all.bytes, all.length);
  free(all.bytes);
  end_answer(answer);
}

static void send_next(struct answer *answer) {
  if (!answer->is_streamed) {
    send_whole(answer);
    return;
  }
  static char out[PIECE_BYTES + 8192];
  int length = 0;
  if (answer->sent == 0) {
    length += sprintf(out, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
                           "cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n");
    length += put_choice(out + length, "{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}", "null");
  }
  do length += put_word(out + length, answer->sent++);
  while (answer->gap_ns == 0 && answer->sent < answer->deltas && length < PIECE_BYTES);
  if (answer->sent < answer->deltas) {
    send_out(answer->connection, out, (size_t)length);
    answer->due_ns += answer->gap_ns / 2 + next_random(&random_state) % (answer->gap_ns + 1);
    heap_sink(answer->heap_index);
    return;
  }
  char usage[1024];
  length += put_choice(out + length, "{}", "\"stop\"");
  put_usage(usage + sprintf(usage, HEAD "],"), answer->deltas);
  length += put_event(out + length, usage);
  length += sprintf(out + length, "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");
  send_out(answer->connection, out, (size_t)length);
  end_answer(answer);
}

static void begin_answer(struct connection *connection, const char *body, size_t length) {
  int first_token_ms = FIRST_TOKEN_MS_DEFAULT, deltas = DELTAS_DEFAULT, gap_us = 0;
  const char *schedule = memmem(body, length, "stub-t", 6);
  if (schedule != NULL) sscanf(schedule, "stub-t%d-n%d-g%d", &first_token_ms, &deltas, &gap_us);
  if (deltas < 1 || deltas > DELTAS_MAX) deltas = DELTAS_DEFAULT;
  struct answer *answer = calloc(1, sizeof *answer);
  if (answer == NULL) fail("calloc");
  answer->connection = connection;
  answer->deltas = deltas;
  answer->gap_ns = (uint64_t)gap_us * NS_PER_US;
  answer->due_ns = now_ns() + (uint64_t)first_token_ms * NS_PER_MS;
  answer->is_streamed = memmem(body, length, "\"stream\":true", 13) != NULL ||
                        memmem(body, length, "\"stream\": true", 14) != NULL;
  connection->answer = answer;
  heap_add(answer);
}

static void send_text(struct connection *connection, const char *status, const char *body) {
  char out[512];
  int length = sprintf(out, "HTTP/1.1 %s\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n%s",
                       status, strlen(body), body);
  send_out(connection, out, (size_t)length);
}

// Undoes a chunked body in place. Returns the bytes it took in the buffer, 0 when it is not all here.
static size_t unchunk(char *body, size_t available, size_t *length) {
  size_t at = 0;
  *length = 0;
  for (;;) {
    char *line = memmem(body + at, available - at, "\r\n", 2);
    if (line == NULL) return 0;
    size_t size = strtoul(body + at, NULL, 16), start = (size_t)(line - body) + 2;
    if (size > REQUEST_BYTES_MAX || start + size + 2 > available) return 0;
    memmove(body + *length, body + start, size);
    *length += size;
    at = start + size + 2;
    if (size == 0) return at;
  }
}

// Takes the next request that is here as a whole; one at a time per connection.
static void take_request(struct connection *connection) {
  struct buffer *in = &connection->in;
  if (connection->answer != NULL || in->length == 0) return;
  char *end = memmem(in->bytes, in->length, "\r\n\r\n", 4);
  if (end == NULL) return;
  size_t head = (size_t)(end - in->bytes) + 4, length = 0, taken = 0;
  *end = 0;
  int is_get = strncmp(in->bytes, "GET ", 4) == 0;
  int asks_models = strncmp(in->bytes, "GET /v1/models ", 15) == 0;
  int is_chunked = strcasestr(in->bytes, "\ntransfer-encoding: chunked") != NULL;
  char *announced = strcasestr(in->bytes, "\ncontent-length:");
  if (announced != NULL) length = strtoul(announced + 16, NULL, 10);
  *end = '\r';
  if (length > REQUEST_BYTES_MAX || in->length > 2 * REQUEST_BYTES_MAX) {
    connection->is_broken = 1;
    return;
  }
  if (is_chunked) {
    // Half a body would be undone twice: wait for its last chunk first.
    if (memmem(in->bytes + head, in->length - head, "0\r\n\r\n", 5) == NULL) return;
    taken = unchunk(in->bytes + head, in->length - head, &length);
    if (taken == 0) return;
  } else {
    taken = length;
    if (in->length < head + taken) return;
  }
  if (asks_models)
    send_text(connection, "200 OK", "{\"object\":\"list\",\"data\":[{\"id\":\"stub\",\"object\":\"model\"}]}");
  else if (is_get)
    send_text(connection, "404 Not Found", "{\"error\":{\"message\":\"this stub knows /v1/models\"}}");
  else
    begin_answer(connection, in->bytes + head, length);
  buffer_drop(in, head + taken);
}

static void close_connection(struct connection *connection) {
  if (connection->answer != NULL) end_answer(connection->answer);
  close(connection->fd);
  free(connection->in.bytes);
  free(connection->out.bytes);
  free(connection);
}

static void accept_all(int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0) return;
    send_without_delay(fd);
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) fail("calloc");
    connection->fd = fd;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
  }
}

static void serve(struct connection *connection, uint32_t events) {
  if (events & EPOLLOUT) {
    ssize_t sent = send(connection->fd, connection->out.bytes, connection->out.length, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) connection->is_broken = 1;
    if (sent > 0) buffer_drop(&connection->out, (size_t)sent);
    if (connection->out.length == 0) watch(connection);
  }
  if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
    static char bytes[65536];
    ssize_t got = recv(connection->fd, bytes, sizeof bytes, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN)) connection->is_broken = 1;
    if (got > 0) {
      buffer_add(&connection->in, bytes, (size_t)got);
      take_request(connection);
    }
  }
  if (connection->is_broken) close_connection(connection);
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  epoll_fd = epoll_create1(0);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  if (bind(listener, (void *)&address, size) != 0 || listen(listener, 8192) != 0) fail("listen");
  getsockname(listener, (void *)&address, &size);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event);
  printf("{\"port\":%d}\n", ntohs(address.sin_port));
  fflush(stdout);
  for (;;) {
    struct epoll_event events[EVENTS_MAX];
    struct timespec wait, *timeout = NULL;
    if (heap_size > 0) {
      uint64_t now = now_ns(), left = heap[0]->due_ns > now ? heap[0]->due_ns - now : 0;
      wait = (struct timespec){.tv_sec = (time_t)(left / NS_PER_S), .tv_nsec = (long)(left % NS_PER_S)};
      timeout = &wait;
    }
    int ready = epoll_pwait2(epoll_fd, events, EVENTS_MAX, timeout, NULL);
    for (int index = 0; index < ready; index++) {
      if (events[index].data.ptr == NULL) accept_all(listener);
      else serve(events[index].data.ptr, events[index].events);
    }
    // Bounded, so that what came meanwhile is read.
    uint64_t now = now_ns();
    for (int sent = 0; sent < 4096 && heap_size > 0 && heap[0]->due_ns <= now; sent++) {
      struct connection *connection = heap[0]->connection;
      send_next(heap[0]);
      if (connection->answer == NULL && !connection->is_broken) take_request(connection);
      if (connection->is_broken) shutdown(connection->fd, SHUT_RDWR);
    }
  }
}
