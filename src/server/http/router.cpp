#include "server/http/router.h"

#include <algorithm>

#include "core/check.h"

namespace regulus::server {

namespace {

auto by_segment = [](std::pair<std::string, int> const& child, std::string_view segment) {
  return child.first < segment;
};

// Takes the first segment of "/a/b" off and leaves "/b".
std::string_view take_segment(std::string_view& rest) {
  std::size_t const end = std::min(rest.find('/', 1), rest.size());
  std::string_view const segment = rest.substr(1, end - 1);
  rest.remove_prefix(end);
  return segment;
}

bool is_variable(std::string_view segment) {
  return segment.size() > 2 && segment.starts_with('{') && segment.ends_with('}');
}

}  // namespace

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  while (path.starts_with('/')) segments.push_back(take_segment(path));
  return segments;
}

int Router::literal_child(Node const& node, std::string_view segment) const {
  auto const found = std::ranges::lower_bound(node.literals, segment, {},
                                              [](auto const& child) { return std::string_view(child.first); });
  return found != node.literals.end() && found->first == segment ? found->second : -1;
}

void Router::add(std::string_view pattern, int route) {
  std::size_t const space = pattern.find(' ');
  REGULUS_CHECK(space != std::string_view::npos && space > 0 && pattern.substr(space + 1).starts_with('/'));
  Offer offer{.route = route, .names = {}};
  int at = 0;
  for (std::string_view const segment : segments_of(pattern.substr(space + 1))) {
    Node& node = nodes_[static_cast<std::size_t>(at)];
    auto const next = static_cast<int>(nodes_.size());
    if (is_variable(segment)) {
      offer.names.emplace_back(segment.substr(1, segment.size() - 2));
      at = node.variable >= 0 ? node.variable : (node.variable = next);
    } else {
      REGULUS_CHECK(segment.find_first_of("{}") == std::string_view::npos);
      int const child = literal_child(node, segment);
      if (child < 0) {
        auto const place = std::lower_bound(node.literals.begin(), node.literals.end(), segment, by_segment);
        node.literals.emplace(place, segment, next);
      }
      at = child >= 0 ? child : next;
    }
    if (at == next) nodes_.emplace_back();
  }
  auto& offers = nodes_[static_cast<std::size_t>(at)].offers;
  bool const is_new = offers.emplace(std::string(pattern.substr(0, space)), std::move(offer)).second;
  REGULUS_CHECK(is_new);
}

// The node that offers something for the rest of a path, literals first; null if there is none. Goes back where a
// literal led nowhere, so visits no node twice.
Router::Node const* Router::descend(int at, std::string_view rest, std::vector<std::string_view>& values) const {
  Node const& node = nodes_[static_cast<std::size_t>(at)];
  if (rest.empty()) return node.offers.empty() ? nullptr : &node;
  std::string_view const segment = take_segment(rest);
  if (int const child = literal_child(node, segment); child >= 0) {
    if (Node const* const found = descend(child, rest, values)) return found;
  }
  if (node.variable < 0 || segment.empty()) return nullptr;
  values.push_back(segment);
  if (Node const* const found = descend(node.variable, rest, values)) return found;
  values.pop_back();
  return nullptr;
}

Router::Answer Router::find(std::string_view method, std::string_view path) const {
  std::vector<std::string_view> values;
  Node const* const node = path.starts_with('/') ? descend(0, path, values) : nullptr;
  if (!node) return NotFound{};
  auto offer = node->offers.find(method);
  if (offer == node->offers.end() && method == "HEAD") offer = node->offers.find("GET");
  if (offer != node->offers.end()) {
    Match match{.route = offer->second.route, .parameters = {}};
    for (std::size_t i = 0; i < values.size(); ++i) match.parameters.emplace_back(offer->second.names[i], values[i]);
    return match;
  }
  WrongMethod wrong;
  for (auto const& [offered, unused] : node->offers) wrong.allowed.push_back(offered);
  if (node->offers.contains("GET") && !node->offers.contains("HEAD")) wrong.allowed.emplace_back("HEAD");
  std::ranges::sort(wrong.allowed);
  return wrong;
}

}  // namespace regulus::server
