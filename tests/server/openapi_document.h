// The description of the interface as tests read it: operations, references, and whether a value is what a schema says.
//
// The schemas use a part of JSON Schema 2020-12, and one rule of ours: an integer is written as one, 1.0 is none. What
// is_valid does not know is a failure of the test and not a pass.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <regex>
#include <set>
#include <string>

#include "core/json.h"
#include "server/api.h"
#include "server/civil_time.h"
#include "server/openapi.h"

namespace regulus::server {

class OpenApi {
 public:
  OpenApi() {
    Result<Json> read = parse_json(openapi_text());
    if (!read) {
      ADD_FAILURE() << read.error().message;
      return;
    }
    document_ = read.take();
    Json const* const paths = document_.find("paths");
    if (paths == nullptr || !paths->is_object()) return;
    for (auto const& [path, methods] : paths->as_object()) {
      for (auto const& [method, operation] : methods.as_object()) {
        std::string route = method + " " + path;
        std::transform(route.begin(), route.begin() + static_cast<std::ptrdiff_t>(method.size()), route.begin(),
                       [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
        by_route_[route] = &operation;
      }
    }
  }
  OpenApi(OpenApi const&) = delete;
  OpenApi& operator=(OpenApi const&) = delete;

  Json const& document() const { return document_; }
  // "GET /api/v1/jobs" → its description.
  std::map<std::string, Json const*> const& by_route() const { return by_route_; }
  Json const& operation(Operation const& operation) const {
    static Json const none = Json::object();
    auto const found = by_route_.find(std::string(operation.route));
    return found == by_route_.end() ? none : *found->second;
  }

  // What "#/components/schemas/Job" stands for; null when there is no such thing.
  Json const* target(std::string_view reference) const {
    if (!reference.starts_with("#/")) return nullptr;
    Json const* at = &document_;
    for (std::string_view rest = reference.substr(2); at != nullptr && !rest.empty();) {
      std::string_view const step = rest.substr(0, rest.find('/'));
      rest.remove_prefix(std::min(rest.size(), step.size() + 1));
      at = at->find(step);
    }
    return at;
  }
  Json const& resolved(Json const& json) const {
    Json const* const reference = json.find("$ref");
    if (reference == nullptr) return json;
    Json const* const there = target(reference->as_string());
    EXPECT_NE(there, nullptr) << reference->as_string();
    return there == nullptr ? json : *there;
  }

  // Schema and example of a JSON body; null without one.
  Json const* body_schema(Operation const& op) const { return body_part(op, "schema"); }
  Json const* body_example(Operation const& op) const { return body_part(op, "example"); }

  // Whether this status, and with a problem its code, is among what the operation may answer.
  bool is_documented(Operation const& op, int status, std::string const& problem) const {
    Json const* const responses = operation(op).find("responses");
    if (responses == nullptr) return false;
    for (std::string const& key : {std::to_string(status), std::string("default")}) {
      Json const* const response = responses->find(key);
      if (response == nullptr) continue;
      if (problem.empty()) return key != "default";
      Json const* const codes = resolved(*response).find("x-problems");
      if (codes != nullptr &&
          std::ranges::any_of(codes->as_array(), [&](Json const& code) { return code == Json(problem); })) {
        return true;
      }
    }
    return false;
  }
  // Schema of an answer of this status; null when it has none that is JSON.
  Json const* answer_schema(Operation const& op, int status) const {
    Json const* const responses = operation(op).find("responses");
    Json const* const response = responses == nullptr ? nullptr : responses->find(std::to_string(status));
    if (response == nullptr) return nullptr;
    Json const* const content = resolved(*response).find("content");
    Json const* const json = content == nullptr ? nullptr : content->find("application/json");
    return json == nullptr ? nullptr : json->find("schema");
  }

  // Empty when the value is what the schema says; otherwise where it is not, and why.
  std::string fault(Json const& value, Json const& schema, std::string const& at = "") const {
    Json const& s = resolved(schema);
    static std::set<std::string> const known = {
        "type",      "description", "properties", "required",    "additionalProperties",
        "items",     "enum",        "anyOf",      "minimum",     "maximum",
        "minLength", "maxLength",   "minItems",   "maxItems",    "pattern",
        "format",    "examples",    "default",    "uniqueItems", "minProperties"};
    for (auto const& [key, ignored] : s.as_object()) {
      EXPECT_TRUE(known.contains(key)) << "this test does not know the keyword " << key;
    }
    if (Json const* any = s.find("anyOf")) {
      std::string faults;
      for (Json const& one : any->as_array()) {
        std::string const why = fault(value, one, at);
        if (why.empty()) return "";
        faults += why + "; ";
      }
      return faults;
    }
    if (Json const* type = s.find("type")) {
      Json::Array const types = type->is_array() ? type->as_array() : Json::Array{*type};
      bool const fits = std::ranges::any_of(types, [&](Json const& t) { return is_of_type(value, t.as_string()); });
      if (!fits) return at + " is not of type " + type->dump();
    }
    if (Json const* values = s.find("enum")) {
      auto const& list = values->as_array();
      if (std::ranges::find(list, value) == list.end())
        return at + " = " + value.dump() + " is none of " + values->dump();
    }
    if (value.is_number()) {
      if (Json const* low = s.find("minimum"); low && value.as_number() < low->as_number()) return at + " is too small";
      if (Json const* high = s.find("maximum"); high && value.as_number() > high->as_number())
        return at + " is too large";
    }
    if (value.is_string()) return text_fault(value.as_string(), s, at);
    if (value.is_array()) return list_fault(value.as_array(), s, at);
    if (value.is_object()) return object_fault(value.as_object(), s, at);
    return "";
  }

 private:
  Json const* body_part(Operation const& op, std::string_view part) const {
    Json const* at = operation(op).find("requestBody");
    for (std::string_view const step : {std::string_view("content"), std::string_view("application/json"), part}) {
      if (at != nullptr) at = at->find(step);
    }
    return at;
  }
  static bool is_of_type(Json const& value, std::string_view type) {
    if (type == "null") return value.is_null();
    if (type == "boolean") return value.is_bool();
    if (type == "integer") return value.is_integer();
    if (type == "number") return value.is_number();
    if (type == "string") return value.is_string();
    if (type == "array") return value.is_array();
    if (type == "object") return value.is_object();
    ADD_FAILURE() << "no type " << type;
    return false;
  }
  static std::string text_fault(std::string const& text, Json const& s, std::string const& at) {
    auto const limit = [&](char const* key) { return static_cast<std::size_t>(s.find(key)->as_integer()); };
    if (s.has("minLength") && text.size() < limit("minLength")) return at + " is too short";
    if (s.has("maxLength") && text.size() > limit("maxLength")) return at + " is too long";
    if (Json const* pattern = s.find("pattern"); pattern && !std::regex_match(text, std::regex(pattern->as_string()))) {
      return at + " = " + text + " does not match " + pattern->as_string();
    }
    if (Json const* format = s.find("format")) {
      bool const fits = format->as_string() == "date" ? is_date(text) : static_cast<bool>(parse_instant(text));
      if (!fits) return at + " = " + text + " is no " + format->as_string();
    }
    return "";
  }
  std::string list_fault(Json::Array const& list, Json const& s, std::string const& at) const {
    auto const limit = [&](char const* key) { return static_cast<std::size_t>(s.find(key)->as_integer()); };
    if (s.has("minItems") && list.size() < limit("minItems")) return at + " has too few items";
    if (s.has("maxItems") && list.size() > limit("maxItems")) return at + " has too many items";
    for (std::size_t i = 0; i < list.size() && s.has("uniqueItems"); ++i) {
      if (std::find(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(i), list[i]) !=
          list.begin() + static_cast<std::ptrdiff_t>(i)) {
        return at + " has an item twice";
      }
    }
    Json const* const items = s.find("items");
    for (std::size_t i = 0; items != nullptr && i < list.size(); ++i) {
      if (std::string why = fault(list[i], *items, at + "/" + std::to_string(i)); !why.empty()) return why;
    }
    return "";
  }
  std::string object_fault(Json::Object const& object, Json const& s, std::string const& at) const {
    if (Json const* fewest = s.find("minProperties");
        fewest && object.size() < static_cast<std::size_t>(fewest->as_integer())) {
      return at + " has too few members";
    }
    if (Json const* required = s.find("required")) {
      for (Json const& key : required->as_array()) {
        bool const there = std::ranges::any_of(object, [&](auto const& m) { return m.first == key.as_string(); });
        if (!there) return at + " has no " + key.as_string();
      }
    }
    Json const* const properties = s.find("properties");
    Json const* const others = s.find("additionalProperties");
    for (auto const& [key, member] : object) {
      Json const* const property = properties == nullptr ? nullptr : properties->find(key);
      if (property != nullptr) {
        if (std::string why = fault(member, *property, at + "/" + key); !why.empty()) return why;
      } else if (others != nullptr && others->is_bool()) {
        if (!others->as_bool()) return at + " has a member that is not known, " + key;
      } else if (others != nullptr) {
        if (std::string why = fault(member, *others, at + "/" + key); !why.empty()) return why;
      }
    }
    return "";
  }

  Json document_;
  std::map<std::string, Json const*> by_route_;
};

}  // namespace regulus::server
