// A worker process without Python, for tests that kill it: serves the socket named by its argument.
#include "tests/support/fake_worker_server.hpp"

int main(int argc, char** argv) {
  if (argc != 2)
    return 2;
  snakepit::test::fake_worker_server server{argv[1], {}};
  puts("listening");
  fflush(stdout);
  getchar(); // the parent's end
}
