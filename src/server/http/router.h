// From method and path to one of the routes that are offered, with the variable parts of the path.
//
// A route is written as OpenAPI writes it: "GET /api/v1/companies/{company}/bookings/{booking}". A variable stands for
// one whole, non-empty segment; everything else, "dispatch:run" too, is literal. Where both a literal and a variable
// fit, the literal wins, segment by segment from the left.
//
// A path that fits no route is not found. One that fits, with a method that is not offered, is told which are (405 and
// Allow). HEAD is offered wherever GET is (RFC 9110 §9.3.2). Paths are exact: no slash at the end is added or taken
// away, and case matters.
//
// The routes form a tree of segments in sorted lists: a lookup costs a few comparisons a segment, and no pattern can
// make it cost more. Built at the start, then only read, from any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "server/http/message.h"

namespace regulus::server {

class Router {
 public:
  struct Match {
    int route = 0;
    Pairs parameters;  // {"company", "7"}, in the order of the path
    friend bool operator==(Match const&, Match const&) = default;
  };
  struct NotFound {
    friend bool operator==(NotFound, NotFound) = default;
  };
  struct WrongMethod {
    std::vector<std::string> allowed;  // sorted
    friend bool operator==(WrongMethod const&, WrongMethod const&) = default;
  };
  using Answer = std::variant<Match, NotFound, WrongMethod>;

  // `route` is the caller's number for what to do. A route that is malformed, or there already, under whatever names
  // of its variables, is a mistake of ours and ends the program.
  void add(std::string_view pattern, int route);

  // `path` is a Request's: decoded, and without slashes that were escaped.
  Answer find(std::string_view method, std::string_view path) const;

 private:
  struct Offer {
    int route = 0;
    std::vector<std::string> names;  // of the variables on the way
  };
  struct Node {
    std::vector<std::pair<std::string, int>> literals;  // sorted by segment; index into nodes_
    int variable = -1;
    std::map<std::string, Offer, std::less<>> offers;  // by method
  };

  int literal_child(Node const& node, std::string_view segment) const;
  Node const* descend(int at, std::string_view rest, std::vector<std::string_view>& values) const;

  std::vector<Node> nodes_ = std::vector<Node>(1);
};

// The segments of "/a/b": "a", "b". Exposed for whoever documents routes.
std::vector<std::string_view> segments_of(std::string_view path);

}  // namespace regulus::server
