#include "server/http/router.h"

#include <gtest/gtest.h>

#include "server/http/text.h"

namespace regulus::server {
namespace {

std::vector<std::string> const patterns = {
    "GET /",
    "GET /healthz",
    "GET /api/v1/companies",
    "POST /api/v1/companies",
    "GET /api/v1/companies/{company}",
    "PATCH /api/v1/companies/{company}",
    "GET /api/v1/companies/{company}/bookings/{booking}",
    "POST /api/v1/companies/{company}/bookings/import",
    "GET /api/v1/companies/{company}/bookings/{booking}/timeline",
    "POST /api/v1/companies/{company}/dispatch:run",
    "GET /api/v1/companies/{company}/dispatch",
    "PUT /api/v1/models/aliases/champion",
    "GET /api/v1/models/{model}/evaluations",
};

Router router() {
  Router routes;
  for (std::size_t i = 0; i < patterns.size(); ++i) routes.add(patterns[i], static_cast<int>(i));
  return routes;
}

Router::Answer match(int route, Pairs parameters = {}) { return Router::Match{route, std::move(parameters)}; }
Router::Answer wrong_method(std::vector<std::string> allowed) { return Router::WrongMethod{std::move(allowed)}; }

TEST(Router, finds_the_route_and_the_variable_parts) {
  Router const routes = router();
  EXPECT_EQ(routes.find("GET", "/"), match(0));
  EXPECT_EQ(routes.find("GET", "/healthz"), match(1));
  EXPECT_EQ(routes.find("POST", "/api/v1/companies"), match(3));
  EXPECT_EQ(routes.find("GET", "/api/v1/companies/7"), match(4, {{"company", "7"}}));
  EXPECT_EQ(routes.find("GET", "/api/v1/companies/7/bookings/bkg_1"),
            match(6, {{"company", "7"}, {"booking", "bkg_1"}}));
  EXPECT_EQ(routes.find("POST", "/api/v1/companies/7/dispatch:run"), match(9, {{"company", "7"}}));
}

TEST(Router, prefers_a_literal_and_comes_back_where_it_leads_nowhere) {
  Router const routes = router();
  EXPECT_EQ(routes.find("POST", "/api/v1/companies/7/bookings/import"), match(7, {{"company", "7"}}));
  EXPECT_EQ(routes.find("GET", "/api/v1/companies/7/bookings/import/timeline"),
            match(8, {{"company", "7"}, {"booking", "import"}}));
  EXPECT_EQ(routes.find("GET", "/api/v1/models/aliases/evaluations"), match(12, {{"model", "aliases"}}));
}

TEST(Router, does_not_find_paths_that_are_nearly_right) {
  Router const routes = router();
  for (char const* const path : {"", "healthz", "/healthz/", "/Healthz", "//healthz", "/api/v1/companies/",
                                 "/api/v1/companies//bookings/1", "/api/v1/companies/7/bookings", "/api",
                                 "/api/v1/companies/7/dispatch:", "/api/v1/companies/7/dispatch:run/x", "/{company}"}) {
    EXPECT_EQ(routes.find("GET", path), Router::Answer(Router::NotFound{})) << path;
  }
}

TEST(Router, tells_which_methods_a_known_path_has) {
  Router const routes = router();
  EXPECT_EQ(routes.find("DELETE", "/api/v1/companies"), wrong_method({"GET", "HEAD", "POST"}));
  EXPECT_EQ(routes.find("GET", "/api/v1/companies/7/dispatch:run"), wrong_method({"POST"}));
  EXPECT_EQ(routes.find("get", "/healthz"), wrong_method({"GET", "HEAD"}));
  EXPECT_EQ(routes.find("GET", "/api/v1/companies/7/bookings/import"), wrong_method({"POST"}));
}

TEST(Router, answers_head_where_get_is_offered) {
  Router const routes = router();
  EXPECT_EQ(routes.find("HEAD", "/healthz"), match(1));
  EXPECT_EQ(routes.find("HEAD", "/api/v1/models/aliases/champion"), wrong_method({"PUT"}));
}

TEST(RouterDeathTest, takes_no_route_twice_and_none_that_is_malformed) {
  Router routes = router();
  EXPECT_DEATH(routes.add("GET /api/v1/companies/{id}", 99), "is_new");
  EXPECT_DEATH(routes.add("/api", 99), "space");
  EXPECT_DEATH(routes.add("GET /a{b}", 99), "find_first_of");
}

// The naive twin: tries every pattern; of those that fit, the one whose first differing segment is literal.
struct Twin {
  std::vector<std::vector<std::string>> routes;
  std::optional<std::size_t> best(std::vector<std::string_view> const& path) const {
    std::optional<std::size_t> found;
    for (std::size_t r = 0; r < routes.size(); ++r) {
      if (routes[r].size() != path.size()) continue;
      bool fits = true;
      for (std::size_t i = 0; i < path.size(); ++i)
        fits = fits && (routes[r][i] == "{}" ? !path[i].empty() : routes[r][i] == path[i]);
      if (!fits) continue;
      auto const is_variable = [](std::string const& segment) { return segment == "{}"; };
      auto const rank = [&](std::vector<std::string> const& segments) {
        std::vector<bool> variable;
        for (auto const& segment : segments) variable.push_back(is_variable(segment));
        return variable;  // compared from the left, literal (false) first
      };
      if (!found || rank(routes[r]) < rank(routes[*found])) found = r;
    }
    return found;
  }
};

RC_GTEST_PROP(RouterProperty, finds_what_trying_every_route_finds, ()) {
  auto const letter = rc::gen::element<std::string>("a", "b", "{}");
  auto drawn = *rc::gen::container<std::vector<std::vector<std::string>>>(
      rc::gen::resize(4, rc::gen::container<std::vector<std::string>>(letter)));
  std::ranges::sort(drawn);
  drawn.erase(std::unique(drawn.begin(), drawn.end()), drawn.end());
  std::erase_if(drawn, [](auto const& segments) { return segments.empty(); });
  Router routes;
  for (std::size_t r = 0; r < drawn.size(); ++r) {
    std::string pattern = "GET ";
    for (std::size_t i = 0; i < drawn[r].size(); ++i)
      pattern += "/" + (drawn[r][i] == "{}" ? "{v" + std::to_string(i) + "}" : drawn[r][i]);
    routes.add(pattern, static_cast<int>(r));
  }
  std::string path;
  for (int i = *rc::gen::inRange(1, 5); i > 0; --i) path += "/" + *rc::gen::element<std::string>("a", "b", "c", "");
  auto const expected = Twin{drawn}.best(segments_of(path));
  Router::Answer const answer = routes.find("GET", path);
  RC_ASSERT(std::holds_alternative<Router::Match>(answer) == expected.has_value());
  if (expected) RC_ASSERT(std::get<Router::Match>(answer).route == static_cast<int>(*expected));
}

}  // namespace
}  // namespace regulus::server
