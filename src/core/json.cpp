#include "core/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace regulus {
namespace {

using Library = nlohmann::ordered_json;

constexpr std::size_t deepest_nesting = 200;

// Builds our values straight from the parser's events, so that a hostile document costs one pass and bounded depth.
class Builder {
 public:
  explicit Builder(std::string_view text) : text_(text) {}

  using number_integer_t = Library::number_integer_t;
  using number_unsigned_t = Library::number_unsigned_t;
  using number_float_t = Library::number_float_t;
  using string_t = Library::string_t;
  using binary_t = Library::binary_t;

  bool null() { return add(Json()); }
  bool boolean(bool value) { return add(Json(value)); }
  bool number_integer(number_integer_t value) { return add(Json(value)); }
  bool number_unsigned(number_unsigned_t value) { return add(Json(value)); }
  bool number_float(number_float_t value, string_t const&) { return add(Json(value)); }
  bool string(string_t& value) { return add(Json(std::move(value))); }
  bool binary(binary_t&) { return fail("binary values are not JSON"); }
  bool start_object(std::size_t) { return open(Json::object()); }
  bool key(string_t& value) {
    if (stack_.back()->has(value)) return fail(fmt::format("key \"{}\" occurs twice", value));
    key_ = std::move(value);
    return true;
  }
  bool end_object() { return close(); }
  bool start_array(std::size_t) { return open(Json::array()); }
  bool end_array() { return close(); }
  bool parse_error(std::size_t at, std::string const& token, nlohmann::detail::exception const& problem) {
    constexpr int number_out_of_range = 406;
    std::string_view const before = text_.substr(0, at);
    auto const line = 1 + std::count(before.begin(), before.end(), '\n');
    std::size_t const start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
    std::size_t const column = before.size() - start;
    if (problem.id == number_out_of_range) {
      return fail(fmt::format("number {} is too large at line {}, column {}", token, line, column));
    }
    return fail(fmt::format("unexpected text or end at line {}, column {}", line, column));
  }

  Json root;
  std::string message;  // why it was refused

 private:
  Json* place(Json value) {
    if (stack_.empty()) {
      root = std::move(value);
      return &root;
    }
    Json& parent = *stack_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.as_array().back();
    }
    parent.as_object().emplace_back(std::move(key_), std::move(value));
    return &parent.as_object().back().second;
  }
  bool add(Json value) {
    place(std::move(value));
    return true;
  }
  bool open(Json value) {
    if (stack_.size() >= deepest_nesting) return fail(fmt::format("nested deeper than {} levels", deepest_nesting));
    stack_.push_back(place(std::move(value)));
    return true;
  }
  bool close() {
    stack_.pop_back();
    return true;
  }
  bool fail(std::string text) {
    message = std::move(text);
    return false;
  }

  std::string_view text_;
  std::vector<Json*> stack_;  // containers still open; a parent does not grow while its child is open
  std::string key_;
};

// A text without anything to escape is itself between quotes, and nearly every text is; for the others, the library.
void write_text(std::string const& text, std::string& out) {
  auto const is_plain = [](unsigned char c) { return c >= ' ' && c < 0x7f && c != '"' && c != '\\'; };
  if (!std::all_of(text.begin(), text.end(), is_plain)) {
    out += Library(text).dump(-1, ' ', false, Library::error_handler_t::replace);
    return;
  }
  out += '"';
  out += text;
  out += '"';
}

void write(Json const& value, int indent, int level, std::string& out) {
  auto const newline = [&](int depth) {
    if (indent < 0) return;
    out += '\n';
    out.append(static_cast<std::size_t>(indent) * static_cast<std::size_t>(depth), ' ');
  };
  if (value.is_array()) {
    if (value.as_array().empty()) {
      out += "[]";
      return;
    }
    out += '[';
    bool first = true;
    // A list of scalars stays on one line: a learning curve is one line, not a thousand.
    bool const flat = std::none_of(value.as_array().begin(), value.as_array().end(),
                                   [](Json const& item) { return item.is_array() || item.is_object(); });
    for (Json const& item : value.as_array()) {
      if (!first) out += flat && indent >= 0 ? ", " : ",";
      first = false;
      if (!flat) newline(level + 1);
      write(item, indent, level + 1, out);
    }
    if (!flat) newline(level);
    out += ']';
  } else if (value.is_object()) {
    if (value.as_object().empty()) {
      out += "{}";
      return;
    }
    out += '{';
    bool first = true;
    for (auto const& [key, member] : value.as_object()) {
      if (!first) out += ',';
      first = false;
      newline(level + 1);
      write_text(key, out);
      out += indent < 0 ? ":" : ": ";
      write(member, indent, level + 1, out);
    }
    newline(level);
    out += '}';
  } else if (value.is_string()) {
    write_text(value.as_string(), out);
  } else if (value.is_bool()) {
    out += value.as_bool() ? "true" : "false";
  } else if (value.is_integer()) {
    out += std::to_string(value.as_integer());
  } else if (value.is_number()) {
    out += Library(value.as_number()).dump();
  } else {
    out += "null";
  }
}

}  // namespace

// By assignment: where copying a variant runs out of memory, libstdc++ 12 destroys what it has not built.
Json::Json(Json const& other) { value_ = other.value_; }
Json::Json(Json&&) noexcept = default;
Json& Json::operator=(Json const&) = default;
Json& Json::operator=(Json&&) noexcept = default;
Json::~Json() = default;
Json::Json(char const* text) : value_(std::string(text)) {}
Json::Json(std::string text) : value_(std::move(text)) {}
Json::Json(std::string_view text) : value_(std::string(text)) {}
Json::Json(Array items) : value_(std::move(items)) {}
Json::Json(Object members) : value_(std::move(members)) {}

Json Json::array() { return Json(Array{}); }
Json Json::object() { return Json(Object{}); }
Json Json::object(std::initializer_list<std::pair<std::string, Json>> members) { return Json(Object(members)); }

void Json::push_back(Json item) { as_array().push_back(std::move(item)); }

bool operator==(Json const& a, Json const& b) { return a.value_ == b.value_; }

Json const* Json::find(std::string_view key) const {
  if (!is_object()) return nullptr;
  for (auto const& [name, member] : as_object()) {
    if (name == key) return &member;
  }
  return nullptr;
}

Json& Json::operator[](std::string_view key) {
  if (is_null()) value_ = Object{};
  if (Json const* member = find(key)) return const_cast<Json&>(*member);
  as_object().emplace_back(std::string(key), Json());
  return as_object().back().second;
}

std::string Json::dump(int indent) const {
  std::string out;
  write(*this, indent, 0, out);
  return out;
}

std::string_view Json::kind() const {
  constexpr std::array<std::string_view, 7> names = {"null",   "true or false", "an integer", "a number",
                                                     "a text", "a list",        "an object"};
  return names[value_.index()];
}

Result<Json> parse_json(std::string_view text) {
  Builder builder(text);
  try {
    if (Library::sax_parse(text.begin(), text.end(), &builder)) return std::move(builder.root);
  } catch (std::bad_alloc const&) {
    throw;  // that says nothing about the text
  } catch (std::exception const& problem) {
    builder.message = problem.what();
  }
  return invalid("not JSON: " + builder.message);
}

}  // namespace regulus
