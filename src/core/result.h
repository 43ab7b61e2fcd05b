// Result<T>: a value, or the reason why the world said no.
//
// Everything that can fail because of the outside (a file, a flag, a number out of range) returns one of these up to
// the edge of the program, where the kind becomes an exit code. A bug of ours is not an Error; that is core/check.h.
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "core/check.h"

namespace regulus {

enum class ErrorKind {
  invalid,      // what the user gave is wrong: names field, value and remedy; exit code 2
  not_found,    // a file or name that does not exist; exit code 2
  corrupt,      // a file of ours that is damaged; it is left untouched; exit code 1
  io,           // the disk or the network refused; exit code 1
  interrupted,  // Ctrl-C or SIGTERM; exit code 130
  conflict,     // somebody else changed it first: read it again and decide anew; exit code 1
  busy,         // too much is waiting or another process holds it: try again later; exit code 1
  full,         // no room left on the disk; exit code 1
};

struct Error {
  ErrorKind kind = ErrorKind::invalid;
  std::string message;

  // The same error with "where: " in front, for callers that know the file or the flag.
  Error in(std::string const& where) const { return {kind, where + ": " + message}; }
};

inline Error invalid(std::string message) { return {ErrorKind::invalid, std::move(message)}; }

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}      // NOLINT(google-explicit-constructor): return value or error
  Result(Error error) : state_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  explicit operator bool() const { return std::holds_alternative<T>(state_); }
  T& operator*() { return value(); }
  T const& operator*() const { return value(); }
  T* operator->() { return &value(); }
  T const* operator->() const { return &value(); }

  T& value() {
    REGULUS_CHECK(std::holds_alternative<T>(state_));
    return *std::get_if<T>(&state_);
  }
  T const& value() const {
    REGULUS_CHECK(std::holds_alternative<T>(state_));
    return *std::get_if<T>(&state_);
  }
  T take() { return std::move(value()); }
  Error const& error() const {
    REGULUS_CHECK(std::holds_alternative<Error>(state_));
    return *std::get_if<Error>(&state_);
  }

 private:
  std::variant<T, Error> state_;
};

// A Result without a value.
struct Done {};
using Status = Result<Done>;
inline Status ok() { return Done{}; }

}  // namespace regulus
