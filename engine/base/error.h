// Failures. A bug aborts (KIST_ENSURE), a failure throws Error, an outcome is a return value: there
// is no other error channel. An Error's text starts in lower case, names the thing it is about,
// says what to do where that is known, ends without a full stop and never holds a secret.
#pragma once

#include <concepts>
#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace kist {

// What callers act on. The command line maps each to an exit code.
enum class Code {
  failed,         // the operating system or a library refused
  invalid,        // the request makes no sense as given
  corrupt,        // bytes that should be ours are not: damage or tampering
  missing,        // an object that should be there is not
  refused,        // a rule, capability or hold forbids it
  no_repository,  // there is no repository at that place
  conflict,       // others committed first, again and again
  wrong_secret,   // no slot opens with this passphrase or key
  unsupported,    // a newer format or a feature that this version does not know
};

class Error : public std::exception {
 public:
  Error(Code code, std::string text) : code_(code), text_(std::move(text)) {}

  [[nodiscard]] Code code() const noexcept { return code_; }

  [[nodiscard]] const std::string& text() const noexcept { return text_; }

  [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }

 private:
  Code code_;
  std::string text_;
};

// Whether what was read is not what it should be, as against a failure of the system, a refusal, an
// interruption: damaged, absent, or of a version that this one does not know.
inline bool is_damage(const Error& error) noexcept {
  return error.code() == Code::corrupt || error.code() == Code::missing ||
         error.code() == Code::unsupported;
}

// The wish of a person to stop the work. It is not an Error, so that no handler of failures can
// take it for one: a wait for a remote store that Ctrl-C ends must not count as a damaged copy.
// Only main, and a thread that hands on what ended it, catch it.
class Interrupted {
 public:
  explicit Interrupted(std::string text = "interrupted") : text_(std::move(text)) {}

  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;  // what a person is told: what is kept, and how to go on
};

namespace detail {
inline std::string to_piece(std::string_view text) {
  return std::string(text);
}

template <std::integral T>
std::string to_piece(T number) {
  return std::to_string(number);
}

[[noreturn]] void ensure_failed(const char* condition, const char* file, int line) noexcept;
}  // namespace detail

// The pieces one after another: text as it is, integers in decimal.
template <typename... Pieces>
std::string concat(const Pieces&... pieces) {
  std::string out;
  ((out += detail::to_piece(pieces)), ...);
  return out;
}

// Runs `work`; an Error, or Interrupted, that leaves it is thrown again with "<context>: " before
// its text.
template <typename Work>
auto in_context(std::string_view context, Work&& work) -> std::invoke_result_t<Work> {
  try {
    return std::forward<Work>(work)();
  } catch (const Error& error) {
    throw Error(error.code(), concat(context, ": ", error.text()));
  } catch (const Interrupted& interrupted) {
    throw Interrupted(concat(context, ": ", interrupted.text()));
  }
}

}  // namespace kist

// Aborts, in every build, when a precondition or an invariant of our own code does not hold. Never
// for input.
#define KIST_ENSURE(condition) \
  ((condition) ? void(0) : ::kist::detail::ensure_failed(#condition, __FILE__, __LINE__))
