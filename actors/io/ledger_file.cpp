#include "actors/io/ledger_file.hpp"

#include <cstdio>

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

namespace snakepit::io {

namespace {

constexpr auto layout = 1;

/// Ended entries that are kept, for who looks at the ledger of a host that died.
constexpr auto kept = 1000;

/// SQLite waits for nobody: there is nobody but us.
constexpr auto pragmas = "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL;"
                         "PRAGMA synchronous=OFF; PRAGMA journal_size_limit=1048576;";

constexpr auto tables = R"(
BEGIN;
CREATE TABLE owner(run TEXT NOT NULL, instance TEXT NOT NULL, pid INTEGER NOT NULL,
  start_time INTEGER NOT NULL, place TEXT NOT NULL, boot TEXT NOT NULL);
CREATE TABLE process(id INTEGER PRIMARY KEY, pool TEXT NOT NULL, slot INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  state TEXT NOT NULL CHECK(state IN ('reserved', 'active', 'ended')),
  pid INTEGER, start_time INTEGER, boot TEXT, process_group INTEGER);
)";

constexpr auto insert_owner = "INSERT INTO owner VALUES(?, ?, ?, ?, ?, ?)";
constexpr auto insert_row = "INSERT OR REPLACE INTO process VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)";
constexpr auto end_row = "UPDATE process SET state = 'ended' WHERE id = ?";
constexpr auto forget_old = "DELETE FROM process WHERE state = 'ended' AND id <= ?";

error failure(sqlite3* db, const std::string& path) {
  auto code = sqlite3_errcode(db);
  auto broken = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
  return {broken ? reason::invalid_argument : reason::internal, path + ": " + sqlite3_errmsg(db)};
}

class statement {
public:
  statement(sqlite3* db, const char* text) {
    sqlite3_prepare_v2(db, text, -1, &it_, nullptr);
  }
  ~statement() {
    sqlite3_finalize(it_);
  }
  statement(const statement&) = delete;
  statement& operator=(const statement&) = delete;

  statement& bind(int64_t x) {
    sqlite3_bind_int64(it_, ++at_, x);
    return *this;
  }
  statement& bind(const std::string& x) {
    sqlite3_bind_text(it_, ++at_, x.data(), static_cast<int>(x.size()), SQLITE_TRANSIENT);
    return *this;
  }

  /// Runs it to its end.
  bool run() {
    auto end = sqlite3_step(it_);
    at_ = 0;
    sqlite3_reset(it_);
    sqlite3_clear_bindings(it_);
    return end == SQLITE_DONE;
  }

  /// Whether there is a row, or -1 for a fault.
  int step() {
    auto end = sqlite3_step(it_);
    return end == SQLITE_ROW ? 1 : end == SQLITE_DONE ? 0 : -1;
  }
  int64_t number(int column) const {
    return sqlite3_column_int64(it_, column);
  }
  std::string text(int column) const {
    auto* x = reinterpret_cast<const char*>(sqlite3_column_text(it_, column));
    return x != nullptr ? std::string{x, static_cast<size_t>(sqlite3_column_bytes(it_, column))}
                        : std::string{};
  }

private:
  sqlite3_stmt* it_ = nullptr;
  int at_ = 0;
};

bool run(sqlite3* db, const char* text) {
  return sqlite3_exec(db, text, nullptr, nullptr, nullptr) == SQLITE_OK;
}

const char* word_of(core::ledger_row::state_type x) {
  return x == core::ledger_row::active ? "active" : "reserved";
}

bool write_row(sqlite3* db, const core::ledger_row& x) {
  if (x.state == core::ledger_row::ended) {
    auto ok = statement{db, end_row}.bind(static_cast<int64_t>(x.id)).run();
    return ok
           && (x.id % kept != 0
               || statement{db, forget_old}.bind(static_cast<int64_t>(x.id) - kept).run());
  }
  auto into = statement{db, insert_row};
  into.bind(static_cast<int64_t>(x.id)).bind(x.key.pool).bind(int64_t{x.key.slot});
  into.bind(int64_t{x.key.generation}).bind(std::string{word_of(x.state)});
  if (x.state == core::ledger_row::active) // a worker leads its group
    into.bind(x.process.pid)
      .bind(static_cast<int64_t>(x.process.start_time))
      .bind(x.process.boot_id)
      .bind(x.process.pid);
  return into.run();
}

uint64_t inode_of(const std::string& path) {
  struct stat about {};
  return ::stat(path.c_str(), &about) == 0 ? about.st_ino : 0;
}

/// Fills in what it finds; false if something is wrong.
bool read_all(sqlite3* db, core::open_ledger& out) {
  auto check = statement{db, "PRAGMA quick_check(1)"};
  if (check.step() != 1 || check.text(0) != "ok")
    return false;
  auto count = statement{db, "SELECT count(*) FROM sqlite_master"};
  if (count.step() != 1)
    return false;
  if (count.number(0) == 0)
    return true; // its host was killed before it wrote anything
  auto version = statement{db, "PRAGMA user_version"};
  if (version.step() != 1 || version.number(0) != layout)
    return false;
  auto owner = statement{db, "SELECT run, pid, start_time, place, boot FROM owner"};
  if (owner.step() != 1)
    return false;
  out.run = owner.text(0);
  out.host = {owner.number(1), static_cast<uint64_t>(owner.number(2)), owner.text(3)};
  out.boot_id = owner.text(4);
  auto rows = statement{db, "SELECT id, pool, slot, generation, state, pid, start_time, boot "
                            "FROM process WHERE state <> 'ended' ORDER BY id"};
  for (;;) {
    auto more = rows.step();
    if (more <= 0)
      return more == 0;
    auto key = core::worker_key{rows.text(1), static_cast<uint32_t>(rows.number(2)),
                                static_cast<uint32_t>(rows.number(3))};
    auto entry = core::reserved_entry{static_cast<uint64_t>(rows.number(0)), std::move(key)};
    if (rows.text(4) == "reserved")
      out.rows.push_back(entry.row());
    else
      out.rows.push_back(
        std::move(entry)
          .activate({rows.number(5), static_cast<uint64_t>(rows.number(6)), rows.text(7)})
          .row());
  }
}

} // namespace

void ledger_file::closer::operator()(sqlite3* x) const noexcept {
  sqlite3_close_v2(x);
}

result<ledger_file::handle> ledger_file::open(const std::string& path, bool create) {
  sqlite3* raw = nullptr;
  auto flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);
  auto end = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  auto db = handle{raw};
  if (end != SQLITE_OK || !run(db.get(), pragmas))
    return tl::unexpected{failure(db.get(), path)};
  return db;
}

result<ledger_file> ledger_file::make(const std::string& stem, const core::open_ledger& owner,
                                      const std::string& instance) {
  auto path = stem + ".db";
  for (auto ending : {"", "-wal", "-shm", "-journal"})
    ::unlink((path + ending).c_str());
  auto db = open(path, true);
  if (!db)
    return tl::unexpected{std::move(db.error())};
  auto* it = db->get();
  auto version = "PRAGMA user_version=" + std::to_string(layout);
  auto into_owner = [&] {
    return statement{it, insert_owner}
      .bind(owner.run)
      .bind(instance)
      .bind(owner.host.pid)
      .bind(static_cast<int64_t>(owner.host.start_time))
      .bind(owner.host.place)
      .bind(owner.boot_id)
      .run();
  };
  if (!run(it, tables) || !into_owner() || !run(it, version.c_str()) || !run(it, "COMMIT"))
    return tl::unexpected{failure(it, path)};
  auto out = ledger_file{path, std::move(*db)};
  out.inode_ = inode_of(path);
  return out;
}

result<void> ledger_file::write(const std::vector<core::ledger_row>& rows) {
  auto ok = run(db_.get(), "BEGIN");
  for (auto& x : rows)
    ok = ok && write_row(db_.get(), x);
  if (!ok || !run(db_.get(), "COMMIT")) {
    auto why = failure(db_.get(), path_);
    run(db_.get(), "ROLLBACK");
    return tl::unexpected{std::move(why)};
  }
  return {};
}

result<core::open_ledger> ledger_file::read(const std::string& stem) {
  auto out = core::open_ledger{};
  auto path = stem + ".db";
  if (::access(path.c_str(), F_OK) != 0)
    return out;
  auto db = open(path, false);
  if (!db)
    return tl::unexpected{std::move(db.error())};
  if (read_all(db->get(), out))
    return out;
  auto why = failure(db->get(), path);
  if (sqlite3_errcode(db->get()) == SQLITE_OK || sqlite3_errcode(db->get()) == SQLITE_ROW)
    why = {reason::invalid_argument, path + ": it is not a ledger of this version"};
  return tl::unexpected{std::move(why)};
}

bool ledger_file::is_there() const {
  return inode_ != 0 && inode_of(path_) == inode_;
}

std::string set_aside(const std::string& stem) {
  for (int n = 1; n < 1000; ++n) {
    auto to = stem + ".corrupt-" + std::to_string(n);
    if (::access(to.c_str(), F_OK) == 0)
      continue;
    auto ok = std::rename((stem + ".db").c_str(), to.c_str()) == 0;
    for (auto ending : {"-wal", "-shm", "-journal"})
      std::rename((stem + ".db" + ending).c_str(), (to + ending).c_str());
    return ok ? to : std::string{};
  }
  return {};
}

} // namespace snakepit::io
