// The whole public face of the engine, for the command line and for embedders: open a repository,
// then call functions with it. Everything that comes back is a plain value. Nothing here prints or
// exits; failures are Error, progress and problems go to the Observer that the caller brings.
//
//   SystemClock clock;
//   SystemRandom random;
//   Observer observer;  // says nothing; derive from it to hear of progress and problems
//   prepare_process(observer);
//   const Credential key = make_key_file(directory + "/key", random);
//   Repository repository = init_repository(open_store(directory + "/repository"), key, {},
//                                           directory + "/state", {clock, random, observer});
//   const BackupResult made = backup(repository, {.paths = {source}});
//   restore(repository, {.snapshot = made.snapshot, .target = directory + "/restored"});
//   const std::vector<SnapshotSummary> snapshots = list_snapshots(repository);
//
// tests/engine/face_test.cc compiles and runs these very lines. A Repository is a handle: callers
// pass it on and never reach into it. Each header below says what its functions refuse.
#pragma once

#include <memory>
#include <string>

#include "engine/base/calendar.h"
#include "engine/base/clock.h"
#include "engine/base/disk/file.h"
#include "engine/base/disk/permissions.h"
#include "engine/base/duration.h"
#include "engine/base/error.h"
#include "engine/base/observer.h"
#include "engine/base/random.h"
#include "engine/base/version.h"
#include "engine/format/names.h"
#include "engine/journal/checkpoint.h"
#include "engine/keys/recipient.h"
#include "engine/ops/backup/backup.h"
#include "engine/ops/browse/browse.h"
#include "engine/ops/browse/compare.h"
#include "engine/ops/browse/space.h"
#include "engine/ops/catalog/maintenance.h"
#include "engine/ops/epoch/collect.h"
#include "engine/ops/epoch/end_epoch.h"
#include "engine/ops/incident/incidents.h"
#include "engine/ops/journal/entries.h"
#include "engine/ops/journal/reset_clock.h"
#include "engine/ops/keys/slot_info.h"
#include "engine/ops/restore/restore.h"
#include "engine/ops/retention/expire.h"
#include "engine/ops/retention/forget.h"
#include "engine/ops/retention/freed_bytes.h"
#include "engine/ops/retention/holds.h"
#include "engine/ops/retention/policies.h"
#include "engine/ops/retention/sources.h"
#include "engine/ops/verify/verify.h"
#include "engine/repository/init.h"
#include "engine/repository/open.h"
#include "engine/repository/repository.h"
#include "engine/repository/repository_file.h"
#include "engine/repository/slots.h"
#include "engine/rules/policy_text.h"
#include "engine/rules/validate.h"

namespace kist {

// The store that a location names: a path of this machine, such as "/mnt/backup".
// Error{unsupported} for a URL.
std::shared_ptr<Store> open_store(const std::string& location);
// The same; of objects no more than so many bytes a second go there and back. The observer is asked
// whether the person has stopped waiting.
std::shared_ptr<Store> open_limited_store(const std::string& location,
                                          std::uint64_t bytes_per_second,
                                          const Observer& observer);

// Disables core dumps, makes room for open files, gets the libraries ready. To be called once,
// before anything else and before there is a second thread. The observer is told if memory cannot
// be locked.
void prepare_process(Observer& observer);

// Makes a key file with a fresh key, mode 0600, and returns the credential it stands for.
// Error{refused} where there is such a file already.
Credential make_key_file(const std::string& path, Random& random);
// The credential that a key file stands for; Error{invalid} when it is no key file, Error{refused}
// when others may read or write it.
Credential read_key_file(const std::string& path);

}  // namespace kist
