#pragma once

#include <snakepit/value.hpp>

#include <string>
#include <vector>

/// tests/data/codec_vectors.json, read. Its head says what the fields mean.
namespace codec_vectors {

struct vector {
  std::string name;
  snakepit::value value;
  std::string text;
  std::vector<std::string> attachments;
  std::string reason;
  std::string path;
  bool doc = false;
};

struct file {
  std::vector<vector> valid;
  std::vector<vector> invalid_text;
  std::vector<vector> invalid_value;
  std::vector<vector> people_valid;
  std::vector<vector> people_invalid;
};

/// Read once.
const file& all();

/// Whether two values are the same to the bit: doubles by their bits, not by ==.
bool same(const snakepit::value& x, const snakepit::value& y);

std::string read_source_file(const std::string& path);

} // namespace codec_vectors
