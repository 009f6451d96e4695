#include "actors/core/journal.hpp"

#include "tests/support/journal_writer.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>

using namespace snakepit;
using core::lane_page;
using core::read_journal;

TEST_SUITE_BEGIN("journal");

namespace {

struct journal_fixture {
  std::vector<uint64_t> memory = std::vector<uint64_t>(lane_page::section_size / 8);
  lane_page page{memory.data()};
  test::journal_writer writer{page};

  void put_word(size_t i, uint64_t x) {
    page.set_journal_word(i, x);
  }
};

} // namespace

TEST_CASE_FIXTURE(journal_fixture, "an empty journal has nothing [Q7]") {
  CHECK(read_journal(page, 0).empty());
}

TEST_CASE_FIXTURE(journal_fixture, "what was noted is read, above the number asked for [Q7]") {
  writer.note(4, "four", 7);
  writer.note(5, "", 8);
  writer.note(7, std::string(9, 'x'), 9, true);
  auto all = read_journal(page, 0);
  REQUIRE(all.size() == 3);
  CHECK(all[0].seq == 4);
  CHECK(all[0].data == "four");
  CHECK(all[0].run_us == 7);
  CHECK(!all[0].is_message);
  CHECK(all[1].data.empty());
  CHECK(all[2].data == std::string(9, 'x'));
  CHECK(all[2].is_message);
  CHECK(read_journal(page, 5).size() == 1);
  CHECK(read_journal(page, 7).empty());
}

TEST_CASE_FIXTURE(journal_fixture, "nothing that is not acknowledged is ever missing [Q7]") {
  auto random = std::mt19937{1};
  auto expected = std::map<uint64_t, std::string>{};
  auto marked = uint64_t{0};
  for (uint64_t seq = 1; seq < 3000; ++seq) {
    auto data = std::string(random() % (random() % 20 == 0 ? 30000 : 200), static_cast<char>(seq));
    if (!writer.note(seq, data)) {
      writer.mark(seq - 1);
      page.set_acked(seq - 1);
      REQUIRE(writer.note(seq, data));
    }
    expected[seq] = data;
    if (random() % 3 == 0)
      writer.mark(marked = seq);
    if (random() % 3 == 0 && marked > page.acked())
      page.set_acked(marked);
    auto found = read_journal(page, page.acked());
    REQUIRE(found.size() == seq - page.acked());
    for (auto& x : found)
      REQUIRE(x.data == expected[x.seq]);
  }
}

TEST_CASE_FIXTURE(journal_fixture, "a journal that makes no sense ends the reading [S5]") {
  writer.note(1, "one");
  writer.note(2, "two");
  SUBCASE("its words") {
    page.set_journal(48, 24);
    CHECK(read_journal(page, 0).empty());
    page.set_journal(0, lane_page::journal_size + 8);
    CHECK(read_journal(page, 0).empty());
    page.set_journal(3, 24);
    CHECK(read_journal(page, 0).empty());
    page.set_journal(0, UINT64_MAX - 7);
    CHECK(read_journal(page, 0).empty());
  }
  SUBCASE("a size beyond what is there") {
    put_word(3 + 1, 0x7fffffff);
    CHECK(read_journal(page, 0).size() == 1);
  }
  SUBCASE("numbers that do not ascend") {
    put_word(3, 1);
    CHECK(read_journal(page, 0).size() == 1);
  }
}

TEST_CASE_FIXTURE(journal_fixture, "random bytes are read without harm [S5]") {
  auto random = std::mt19937_64{2};
  for (int round = 0; round < 300; ++round) {
    for (size_t i = 0; i < lane_page::journal_size / 8; ++i)
      put_word(i, random() % 3 == 0 ? random() % 64 : random());
    page.set_journal(0, random() % (lane_page::journal_size / 8 + 1) * 8);
    auto total = size_t{0};
    for (auto& x : read_journal(page, 0))
      total += x.data.size();
    CHECK(total <= lane_page::journal_size);
  }
}

TEST_SUITE_END();
