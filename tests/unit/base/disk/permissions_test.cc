// Whose word counts on this machine: files that others may change are not taken, and what the
// refusal says to do makes them good.
#include "engine/base/disk/permissions.h"

#include <array>
#include <filesystem>

#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/attempt.h"
#include "tests/support/test.h"
#include "tests/support/tree_fixture.h"

using namespace kist;
using namespace kist::test;

namespace {

struct SecretFile {
  SecretFile() { write_file(path, secret); }

  [[nodiscard]] std::optional<Error> refusal(mode_t mode) const {
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    Bytes read = secret;
    auto failure = failure_of([&] { read = read_secret_file(path, 100); });
    REQUIRE(read == secret);
    return failure;
  }

  TemporaryDirectory directory;
  std::string path = directory / "key";
  Bytes secret = to_bytes("correct horse");
};

}  // namespace

TEST_CASE("a secret that its owner alone may read, and at most its group, is read") {
  const SecretFile file;
  for (const mode_t mode : {0400U, 0600U, 0700U, 0440U, 0640U}) {
    INFO(mode);
    REQUIRE_FALSE(file.refusal(mode));
  }
}

TEST_CASE("a secret that others may read, or anybody but its owner write, is refused") {
  const SecretFile file;
  for (const mode_t mode : {0644U, 0604U, 0660U, 0620U, 0602U, 0666U, 0777U}) {
    INFO(mode);
    const std::optional<Error> refusal = file.refusal(mode);
    REQUIRE(refusal);
    REQUIRE(refusal->code() == Code::refused);
    REQUIRE(refusal->text().find("run chmod go-rwx " + file.path) != std::string::npos);
    REQUIRE_FALSE(file.refusal(mode & ~077U));  // what the text says
  }
  REQUIRE(file.refusal(0664)->text().find("may write it (mode 0664)") != std::string::npos);
  REQUIRE(file.refusal(0604)->text().find("may read it (mode 0604)") != std::string::npos);
}

TEST_CASE("a link to a secret is judged by what it leads to") {
  const SecretFile file;
  std::filesystem::create_symlink(file.path, file.directory / "link");
  REQUIRE_FALSE(file.refusal(0600));
  REQUIRE(read_secret_file(file.directory / "link", 100) == file.secret);
  REQUIRE(file.refusal(0644));
  REQUIRE(error_code([&] { read_secret_file(file.directory / "link", 100); }) == Code::refused);
}

TEST_CASE("a secret comes through a pipe as well") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  REQUIRE(::write(ends[1], "secret", 6) == 6);
  ::close(ends[1]);
  REQUIRE(as_text(read_secret_file(concat("/proc/self/fd/", ends[0]), 100)) == "secret");
  ::close(ends[0]);
}

TEST_CASE("a directory that others may write is refused, and a sticky one where that is said") {
  const TemporaryDirectory directory;
  const auto refuses = [&](mode_t mode, MayBeShared may_be_shared) {
    REQUIRE(::chmod(directory.path().c_str(), mode) == 0);
    const auto failure =
        failure_of([&] { require_private_directory(directory.path(), may_be_shared); });
    if (failure) REQUIRE(failure->code() == Code::refused);
    return failure.has_value();
  };
  for (const mode_t mode : {0700U, 0755U, 0711U, 0500U}) {
    REQUIRE_FALSE(refuses(mode, MayBeShared::no));
  }
  for (const mode_t mode : {0770U, 0702U, 0777U, 0775U}) {
    REQUIRE(refuses(mode, MayBeShared::no));
    REQUIRE(refuses(mode, MayBeShared::yes));
    REQUIRE(refuses(mode | 01000U, MayBeShared::no));
    REQUIRE_FALSE(refuses(mode | 01000U, MayBeShared::yes));
  }
}

TEST_CASE("a directory of another user is refused, for its owner may change it as he likes") {
  if (::geteuid() != 0) return;  // only root can give one away
  const TemporaryDirectory directory;
  REQUIRE(::chown(directory.path().c_str(), 1, 1) == 0);
  for (const MayBeShared may_be_shared : {MayBeShared::no, MayBeShared::yes}) {
    REQUIRE(error_code([&] { require_private_directory(directory.path(), may_be_shared); }) ==
            Code::refused);
  }
}
