// Every body that is not what the description says is refused, and leaves no trace.
//
// The cases are made from the description: every member of every example is replaced by values of every kind, numbers
// by what lies beyond their bounds, members are taken away and added; whatever the schema then refuses, the server
// must.
#include "tests/server/world.h"
#include "tests/support/sanitized.h"

namespace regulus::server {
namespace {

struct Case {
  std::string what;
  Json body;
};

// One value of each kind, and those that a lenient reader takes for another.
std::vector<Json> kinds() {
  return {Json(),
          Json(true),
          Json("false"),
          Json("1"),
          Json("x"),
          Json(""),
          Json(0),
          Json(-1),
          Json(1.0),
          Json(1.5),
          Json(1e300),
          Json::array(),
          Json::object(),
          Json(std::int64_t{1} << 62),
          Json(Json::Array{Json()})};
}

// Calls `make` with a copy of the document in which the value at `at` can be changed, for every value in it.
template <class Make>
void each_place(Json const& document, Json& place, std::string const& at, Make const& make) {
  make(place, at);
  if (place.is_object()) {
    for (std::size_t i = 0; i < place.as_object().size(); ++i) {
      each_place(document, place.as_object()[i].second, at + "/" + place.as_object()[i].first, make);
    }
  } else if (place.is_array()) {
    for (std::size_t i = 0; i < place.as_array().size(); ++i) {
      each_place(document, place.as_array()[i], at + "/" + std::to_string(i), make);
    }
  }
}

std::vector<Case> cases_of(Json const& example) {
  std::vector<Case> cases;
  Json document = example;
  each_place(example, document, "", [&](Json& place, std::string const& at) {
    Json const was = place;
    auto const with = [&](Json value, std::string const& what) {
      place = std::move(value);
      cases.push_back({at + " " + what, document});
      place = was;
    };
    for (Json const& value : kinds()) with(value, "is " + value.dump());
    if (was.is_object()) {
      Json more = was;
      more["not_known"] = 1;
      with(more, "has an unknown member");
      for (auto const& [key, ignored] : was.as_object()) {
        Json less = was;
        std::erase_if(less.as_object(), [&, k = key](auto const& m) { return m.first == k; });
        with(less, "lacks " + key);
      }
    }
    if (was.is_array() && !was.as_array().empty()) {
      Json twice = was, many = Json::array();
      twice.push_back(was.as_array().front());
      with(twice, "has an item twice");
      for (int k = 0; k < 600; ++k) many.push_back(was.as_array().front());
      with(many, "has 600 items");
    }
    if (was.is_string()) with(Json(std::string(1'000, 'a')), "has 1,000 letters");
    if (was.is_integer()) with(Json(static_cast<double>(was.as_integer())), "is written as a real");
  });
  return cases;
}

// One more place of the document holds another value.
Json changed_once_more(Json document, Rng& rng) {
  std::vector<Json*> places;
  each_place(document, document, "", [&](Json& place, std::string const&) { places.push_back(&place); });
  std::vector<Json> const values = kinds();
  *places[rng.below(places.size())] = values[rng.below(values.size())];
  return document;
}

// A body of another shape is a 400 for the clients of the predecessor, and a 422 for everybody else.
int refusal_of(Operation const& op) { return op.id.starts_with("rl_toggle") ? 400 : 422; }

class Contract : public ::testing::Test {
 protected:
  OpenApi api_;
  World world_{api_};

  // Asks and expects this refusal, and that nothing was written.
  void expect_refusal(Operation const& op, Say const& say, int status, std::string const& what) {
    Response const response = world_.ask(op, names(op), say, World::query(op, 1));
    EXPECT_EQ(response.status, status) << op.id << ": " << what << " → " << response.body.substr(0, 400);
    std::string const problem = problem_of(response);
    EXPECT_TRUE(api_.is_documented(op, response.status, problem)) << op.id << " " << response.status << " " << problem;
    EXPECT_EQ(api_.fault(json_of(response), *api_.target("#/components/schemas/Problem")), "") << op.id;
    std::string const now = world_.test().digest();
    EXPECT_EQ(now, before_) << op.id << ": " << what << " left something behind";
    before_ = now;
  }
  Names names(Operation const&) const { return world_.names(1); }
  Say say(Operation const& op) { return world_.say(op, world_.test().administrator()); }

  std::string before_ = world_.test().digest();
};

TEST_F(Contract, another_kind_of_body_is_refused) {
  for (Operation const& op : operations()) {
    if (op.body == BodyKind::none) continue;
    for (std::string const type : {"text/plain", "application/xml", "application/jsonx", ""}) {
      Say other = say(op);
      other.content_type = type;
      expect_refusal(op, other, 415, "media type '" + type + "'");
    }
  }
}

TEST_F(Contract, what_is_no_json_is_refused) {
  for (Operation const& op : operations()) {
    if (op.body != BodyKind::json) continue;
    std::string const good = world_.body(op).dump();
    for (std::string const& text :
         {std::string(), std::string("{"), good + "x", good.substr(0, good.size() - 1),
          std::string("{\"a\":1,\"a\":1}"), std::string("{'a':1}"), std::string("{\"a\":NaN}"),
          std::string("\xEF\xBB\xBF") + good, std::string("{\"a\":\"\\ud800\"}"), std::string("{\"a\":\"\xff\"}"),
          std::string(10'000, '['), std::string("{\"a\":01}"), std::string("{\"a\":1,}")}) {
      Say broken = say(op);
      broken.bytes = text;
      expect_refusal(op, broken, 400, text.substr(0, 40));
    }
  }
}

TEST_F(Contract, a_body_where_none_is_taken_is_refused) {
  for (Operation const& op : operations()) {
    if (op.body != BodyKind::none) continue;
    Say more = say(op);
    more.json = Json::object();
    expect_refusal(op, more, 422, "has a body");
  }
}

TEST_F(Contract, what_the_description_refuses_the_server_refuses) {
  int asked = 0;
  for (Operation const& op : operations()) {
    if (op.body != BodyKind::json) continue;
    Json const* const schema = api_.body_schema(op);
    ASSERT_NE(schema, nullptr) << op.id;
    int of_this = 0;
    for (Case const& c : cases_of(world_.body(op))) {
      if (api_.fault(c.body, *schema).empty()) continue;
      Say wrong = say(op);
      wrong.json = c.body;
      expect_refusal(op, wrong, refusal_of(op), c.what);
      ++of_this;
    }
    // A list, a text and a number instead of an object are among them, and an unknown member.
    EXPECT_GE(of_this, 10) << op.id;
    asked += of_this;
  }
  EXPECT_GT(asked, 1'500);
}

// Two things wrong at once, as many as make 500 for each operation.
TEST_F(Contract, what_is_wrong_in_two_places_is_refused_too) {
  int const wanted = is_sanitized ? 50 : 500;
  for (Operation const& op : operations()) {
    if (op.body != BodyKind::json) continue;
    Json const* const schema = api_.body_schema(op);
    ASSERT_NE(schema, nullptr) << op.id;
    std::vector<Case> const singles = cases_of(world_.body(op));
    Rng rng(500);
    int refused = 0;
    for (int k = 0; refused < wanted && k < 4 * wanted; ++k) {
      Json const body = changed_once_more(singles[rng.below(singles.size())].body, rng);
      if (api_.fault(body, *schema).empty()) continue;
      Say wrong = say(op);
      wrong.json = body;
      Response const response = world_.ask(op, names(op), wrong, World::query(op, 1));
      ASSERT_EQ(response.status, refusal_of(op))
          << op.id << ": " << body.dump().substr(0, 400) << " → " << response.body;
      ++refused;
    }
    EXPECT_EQ(refused, wanted) << op.id;
    EXPECT_EQ(world_.test().digest(), before_) << op.id << " left something behind";
  }
}

// What the description takes may still be impossible: a driver who is not there, a time that has passed. Then the
// answer is one of those that the description names.
TEST_F(Contract, what_the_description_takes_gets_an_answer_that_it_describes) {
  int const wanted = is_sanitized ? 10 : 100;
  int total = 0;
  for (Operation const& op : operations()) {
    if (op.body != BodyKind::json) continue;
    Json const* const schema = api_.body_schema(op);
    ASSERT_NE(schema, nullptr) << op.id;
    std::vector<Case> const singles = cases_of(world_.body(op));
    Rng rng(501);
    int asked = 0;
    for (int k = 0; asked < wanted && k < 20 * wanted; ++k) {
      Json const body = changed_once_more(singles[rng.below(singles.size())].body, rng);
      if (!api_.fault(body, *schema).empty()) continue;
      ++asked;
      ++total;
      Say right = say(op);
      right.json = body;
      Response const response = world_.ask(op, names(op), right, World::query(op, 1));
      std::string const problem = problem_of(response), what = fmt::format("{}: {}", op.id, body.dump().substr(0, 400));
      ASSERT_LT(response.status, 500) << what << " → " << response.body;
      EXPECT_TRUE(api_.is_documented(op, response.status, problem)) << what << " → " << response.body;
      Json const* const answer =
          problem.empty() ? api_.answer_schema(op, response.status) : api_.target("#/components/schemas/Problem");
      if (answer != nullptr) {
        EXPECT_EQ(api_.fault(json_of(response), *answer), "") << what;
      }
    }
  }
  EXPECT_GE(total, 10 * wanted);  // some take little that differs from their example, and come to fewer
}

TEST_F(Contract, a_cursor_or_limit_that_is_none_is_refused) {
  for (Operation const& op : operations()) {
    Json const* const parameters = api_.operation(op).find("parameters");
    if (parameters == nullptr) continue;
    for (Json const& parameter : parameters->as_array()) {
      Json const& p = api_.resolved(parameter);
      std::string const name = text_at(p, "name");
      if (text_at(p, "in") != "query" || (name != "limit" && name != "after")) continue;
      std::vector<std::string> values = {"0", "501", "-1", "1.0", "x", ""};
      // The last two are cursors by their letters, and of no list: "ab" and "1:".
      if (name == "after") values = {"x", "0g", "123", "-1", "6162", "313a"};
      for (std::string const& value : values) {
        // An event's number is one that these are not, but two.
        if (op.id == "stream_events" && (value == "123" || value == "6162")) continue;
        Response const response = world_.ask(op, names(op), say(op), fmt::format("?{}={}", name, value));
        EXPECT_EQ(response.status, 422) << op.id << " " << name << "=" << value << " " << response.body;
      }
    }
  }
}

TEST_F(Contract, another_method_is_refused_with_those_that_there_are) {
  for (Operation const& op : operations()) {
    Response const response = world_.test().ask("TRACE", path_of(op, world_.names(1)), say(op));
    EXPECT_EQ(response.status, 405) << op.id;
    EXPECT_NE(header_of(response, "Allow").find(method_of(op)), std::string::npos) << op.id;
  }
}

}  // namespace
}  // namespace regulus::server
