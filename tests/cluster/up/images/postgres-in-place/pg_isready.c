// Whether a PostgreSQL server takes connections, as the client tool of this name tells it: 0 yes, 1 not yet, 2 no answer.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static const char *option(int count, char **words, const char *name, const char *otherwise) {
  for (int i = 1; i < count; i++) if (!strncmp(words[i], name, strlen(name))) return words[i] + strlen(name);
  return otherwise;
}

int main(int count, char **words) {
  struct timeval patience = {.tv_sec = atoi(option(count, words, "--timeout=", "3"))};
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(option(count, words, "--port=", "5432")))};
  inet_pton(AF_INET, option(count, words, "--host=", "127.0.0.1"), &address.sin_addr);
  int connection = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (connect(connection, (struct sockaddr *)&address, sizeof address)) return 2;
  // A start-up message of protocol 3.0. Whatever it is refused for but the server's state (SQLSTATE 57P03), the server is there.
  const char parameters[] = "user\0postgres\0database\0postgres\0";
  char message[8 + sizeof parameters], answer[512] = {0};
  unsigned int head[2] = {htonl(sizeof message), htonl(196608)};
  memcpy(message, head, 8);
  memcpy(message + 8, parameters, sizeof parameters);
  if (write(connection, message, sizeof message) != sizeof message) return 2;
  ssize_t size = read(connection, answer, sizeof answer - 1);
  if (size <= 0) return 2;
  if (answer[0] == 'E' && memmem(answer, size, "C57P03", 7)) { puts("rejecting connections"); return 1; }
  puts("accepting connections");
  return 0;
}
