#include "tests/app/support.h"

namespace regulus::app {
namespace {

Words const short_tune = Words{"tune",
                               "--trials",
                               "4",
                               "--episodes",
                               "10",
                               "--eval-episodes",
                               "3",
                               "--select-top",
                               "1",
                               "--select-seeds",
                               "1",
                               "--validate-seeds",
                               "2",
                               "--study-name",
                               "a <b> & \"c\"",
                               "--warmup-episodes",
                               "3"} +
                         small_world;

// One HTML document that loads nothing from elsewhere.
void expect_self_contained(std::string const& page) {
  EXPECT_TRUE(page.starts_with("<!doctype html>") || page.starts_with("<!DOCTYPE html>")) << page.substr(0, 60);
  EXPECT_NE(page.find("</html>"), std::string::npos);
  for (char const* outside :
       {"src=\"http", "href=\"http", "url(http", "@import", "<link", "<iframe", "src=\"//", "fetch("}) {
    EXPECT_EQ(page.find(outside), std::string::npos) << outside;
  }
  auto const count = [&](std::string const& what) {
    std::size_t n = 0;
    for (std::size_t at = page.find(what); at != std::string::npos; at = page.find(what, at + 1)) ++n;
    return n;
  };
  for (std::string const element : {"svg", "table", "section", "script", "style", "body"}) {
    EXPECT_EQ(count("<" + element + ">") + count("<" + element + " "), count("</" + element + ">")) << element;
  }
  EXPECT_GE(count("<svg"), 1U);
}

TEST(Report, shows_study_runs_and_comparison_in_one_file_that_loads_nothing) {
  Workspace workspace;
  workspace.succeed(short_tune);
  train_small(workspace);
  workspace.put("tuned.json", R"({"best_params": {"gamma": 0.5}})");
  workspace.succeed(Words{"compare", "--episodes", "3", "--training-seeds", "2", "--test-days", "10",
                          "--optimal-config", "tuned.json", "--warmup-episodes", "3", "--eval-episodes", "3"} +
                    small_world);
  Json const said = workspace
                        .succeed({"report", "--json", "--study", "a <b> & \"c\"", "--run", "data/rl/logs",
                                  "--comparison", "data/rl/comparison_results.json", "--output", "all.html"})
                        .json();
  EXPECT_EQ(said.find("report")->as_string(), "all.html");
  std::string const page = workspace.bytes("all.html");
  EXPECT_EQ(said.find("bytes")->as_integer(), static_cast<std::int64_t>(page.size()));
  expect_self_contained(page);
  for (char const* text : {"a &lt;b&gt; &amp;", "score_rule", "least_time_left", "95 %", "regulus report --json",
                           "learning_rate", "batch_size", "mean reward"}) {
    EXPECT_NE(page.find(text), std::string::npos) << text;
  }
  EXPECT_EQ(page.find("a <b> &"), std::string::npos) << "a study's name must not become markup";

  // Each part alone, the study under its usual name.
  workspace.succeed({"report", "--study", "a <b> & \"c\"", "--output", "study.html"});
  expect_self_contained(workspace.bytes("study.html"));
  workspace.succeed({"report", "--run", "data/rl/logs", "--output", "run.html"});
  expect_self_contained(workspace.bytes("run.html"));
  workspace.succeed({"report", "--comparison", "data/rl/comparison_results.json"});
  expect_self_contained(workspace.bytes("data/rl/reports/comparison.html"));

  std::string const french =
      (workspace.succeed({"report", "--study", "a <b> & \"c\"", "--language", "fr", "--output", "fr.html"}),
       workspace.bytes("fr.html"));
  expect_self_contained(french);
  EXPECT_NE(french.find("lang=\"fr\""), std::string::npos);
  EXPECT_NE(workspace.bytes("study.html").find("lang=\"en\""), std::string::npos);

  // Written again it is the same file: nothing in it depends on the moment but the date, which is fixed here.
  std::string const before = workspace.bytes("study.html");
  workspace.succeed({"report", "--study", "a <b> & \"c\"", "--output", "study.html"});
  EXPECT_EQ(workspace.bytes("study.html"), before);

  // A full disk leaves the old page.
  Outcome const full =
      workspace.run({"report", "--run", "data/rl/logs", "--output", "study.html"}, {.largest_file = 2000});
  EXPECT_EQ(full.exit_code, 1) << full;
  EXPECT_NE(full.err.find("study.html"), std::string::npos) << full;
  EXPECT_EQ(workspace.bytes("study.html"), before);

  // What is not there is answered with what is.
  workspace.refuse({"report", "--study", "abc"}, 2, {"abc", "a <b> & \"c\""});
  workspace.refuse({"report", "--run", "data/rl/models"}, 2, {"data/rl/models", "metrics_"});
  workspace.refuse({"report", "--run", "nowhere"}, 2, {"nowhere"});
  workspace.refuse({"report", "--comparison", "tuned.json"}, 2, {"tuned.json", "comparison"});
  workspace.refuse({"report", "--run", "tuned.json"}, 2, {"tuned.json", "training"});
  workspace.refuse({"report", "--study", "x", "--storage", "sqlite:///nowhere.db"}, 2, {"nowhere.db"});
  workspace.put("broken.json", "{");
  workspace.refuse({"report", "--comparison", "broken.json"}, 2, {"broken.json", "not JSON"});
}

}  // namespace
}  // namespace regulus::app
