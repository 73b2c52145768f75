// Who else may read or change a file that decides over a backup. Trusted are the file's owner and
// root; not trusted are the members of its group, and others. What is refused is Error{refused}
// with the mode, and what to do about it.
//
// An access control list that lets a further user in shows in the bits of the group, so it is seen
// here as well.
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/bytes.h"

namespace kist {

// The whole of a file that holds a secret, as read_file() reads it. Refused when its group or
// others may write it, for they choose what this machine opens repositories with; and when others
// may read it, for they have the secret. Its group may read it: that is how a service is given a
// file of root's (systemd's LoadCredential does it with an access control list).
//
// The file is looked at through the descriptor that it is read from. What has no mode of its own,
// a terminal say, is not looked at.
Bytes read_secret_file(const std::string& path, std::uint64_t size_max);

// Whether others may make files of their own in a directory. A directory with the sticky bit, such
// as /tmp, keeps what is in it from all but the owners.
enum class MayBeShared { no, yes };

// Refused is a directory that its group or others may write, and one that belongs neither to this
// user nor to root. A link as the last component is followed.
void require_private_directory(const std::string& path, MayBeShared may_be_shared);

}  // namespace kist
