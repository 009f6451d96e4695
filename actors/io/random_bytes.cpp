#include "actors/io/random_bytes.hpp"

#include <cerrno>
#include <cstdlib>

#include <sys/random.h>

namespace snakepit::io {

namespace {

// No letters that look like digits, no capitals: people read it out to each other.
constexpr std::string_view alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr size_t run_id_size = 12;

} // namespace

std::string random_bytes(size_t count) {
  std::string out(count, '\0');
  size_t have = 0;
  while (have < count) {
    auto n = ::getrandom(out.data() + have, count - have, 0);
    if (n > 0)
      have += static_cast<size_t>(n);
    else if (errno != EINTR)
      std::abort(); // a kernel without getrandom: no secret can be made, and none may be guessed
  }
  return out;
}

std::string make_run_id() {
  auto id = random_bytes(run_id_size);
  for (auto& c : id)
    c = alphabet[static_cast<unsigned char>(c) % alphabet.size()];
  return id;
}

bool is_run_id(std::string_view x) {
  return x.size() == run_id_size && x.find_first_not_of(alphabet) == std::string_view::npos;
}

} // namespace snakepit::io
