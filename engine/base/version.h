// The version of Kist. It stands once, as project(VERSION) in the top CMakeLists.txt; snapshots
// name it as the program that made them, and `kist --version` prints it.
#pragma once

namespace kist {

extern const char* const version;  // "0.1.0"

}  // namespace kist
