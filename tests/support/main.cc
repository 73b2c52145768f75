// The main() of the test programs under Catch2 2; version 3 links its own, and ignores this macro.
#define CATCH_CONFIG_MAIN
#include "tests/support/test.h"
