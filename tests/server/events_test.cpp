#include "server/http/events.h"

#include <gtest/gtest.h>

namespace regulus::server {
namespace {

TEST(EventText, has_a_line_for_each_line_of_data) {
  EXPECT_EQ(event_text("7", "booking.created", "{}"), "id: 7\nevent: booking.created\ndata: {}\n\n");
  EXPECT_EQ(event_text("", "x", ""), "event: x\ndata: \n\n");
  EXPECT_EQ(event_text("", "x", "a\nb\r\nc\rd\n"), "event: x\ndata: a\ndata: b\ndata: c\ndata: d\ndata: \n\n");
}

TEST(EventTextDeathTest, takes_no_type_that_would_begin_another_line) {
  EXPECT_DEATH(event_text("1\n", "x", ""), "breaks");
  EXPECT_DEATH(event_text("1", "x\r", ""), "breaks");
}

TEST(EventStream, gives_what_was_pushed_in_order_and_whole_events_only) {
  EventStream stream;
  EXPECT_TRUE(stream.push("1", "a", "x"));
  EXPECT_TRUE(stream.push("2", "a", "y"));
  EXPECT_EQ(stream.take(1).text, event_text("1", "a", "x"));
  EventStream::Taken const rest = stream.take(1000);
  EXPECT_EQ(rest.text, event_text("2", "a", "y"));
  EXPECT_FALSE(rest.ended);
  stream.close();
  EXPECT_TRUE(stream.take(1000).ended);
  EXPECT_FALSE(stream.push("3", "a", "z"));
}

TEST(EventStream, gives_what_was_queued_before_it_was_closed) {
  EventStream stream;
  stream.push("1", "a", "x");
  stream.close();
  EventStream::Taken const taken = stream.take(1000);
  EXPECT_EQ(taken.text, event_text("1", "a", "x"));
  EXPECT_TRUE(taken.ended);
}

TEST(EventStream, wakes_once_for_each_time_something_is_taken) {
  EventStream stream;
  int woken = 0;
  stream.push("1", "a", "x");
  stream.on_news([&] { ++woken; });
  EXPECT_EQ(woken, 1) << "there was something already";
  stream.push("2", "a", "x");
  EXPECT_EQ(woken, 1);
  stream.take(1000);
  stream.push("3", "a", "x");
  EXPECT_EQ(woken, 2);
  stream.take(1000);
  stream.close();
  EXPECT_EQ(woken, 3);
}

TEST(EventStream, drops_to_a_reset_beyond_its_limit_and_ends) {
  std::string const event = event_text("1", "a", std::string(80, 'x'));
  EventStream stream(3 * event.size());
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(stream.push("1", "a", std::string(80, 'x')));
  EXPECT_FALSE(stream.push("1", "a", std::string(80, 'x')));
  EXPECT_FALSE(stream.is_open());
  EventStream::Taken const taken = stream.take(1 << 20);
  EXPECT_EQ(taken.text, "event: reset\ndata: \n\n");
  EXPECT_TRUE(taken.ended);
}

TEST(EventStream, counts_only_what_waits) {
  std::string const event = event_text("1", "a", std::string(80, 'x'));
  EventStream stream(2 * event.size());
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(stream.push("1", "a", std::string(80, 'x')));
    stream.take(1);
  }
}

TEST(EventStream, tells_who_pushes_when_the_reader_has_gone) {
  EventStream stream;
  stream.push("1", "a", "x");
  stream.abandon();
  EXPECT_FALSE(stream.push("2", "a", "x"));
  EXPECT_EQ(stream.take(1000).text, "");
}

}  // namespace
}  // namespace regulus::server
