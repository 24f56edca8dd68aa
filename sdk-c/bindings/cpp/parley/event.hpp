/* What the calls of parley/client.hpp take and give: statuses, texts, ids, numbers of calls, and events. */
#ifndef PARLEY_EVENT_HPP
#define PARLEY_EVENT_HPP

#include <parley/client.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

namespace parley
{

/* How a call went. True when it went well. */
class Status
{
  public:
    Status(parley_status value = PARLEY_OK) noexcept : value_(value)
    {
    }
    explicit operator bool() const noexcept
    {
        return value_ == PARLEY_OK;
    }
    parley_status value() const noexcept
    {
        return value_;
    }
    const char *name() const noexcept
    {
        return parley_status_name(value_);
    }
    const char *text() const noexcept
    {
        return parley_status_text(value_);
    }
    friend bool operator==(Status a, Status b) noexcept
    {
        return a.value_ == b.value_;
    }
    friend bool operator!=(Status a, Status b) noexcept
    {
        return a.value_ != b.value_;
    }

  private:
    parley_status value_;
};

/* Text for the length of a call: a literal, a std::string, or nothing. A std::string with a character 0 inside would be
 * cut short in C, so it is made text that the library refuses: PARLEY_INVALID, PARLEY_BAD_ID or PARLEY_MALFORMED. */
class Text
{
  public:
    Text(std::nullptr_t = nullptr) noexcept
    {
    }
    Text(const char *text) noexcept : text_(text)
    {
    }
    Text(const std::string &text) noexcept : text_(std::strlen(text.c_str()) == text.size() ? text.c_str() : "\xff")
    {
    }
    const char *get() const noexcept
    {
        return text_;
    }

  private:
    const char *text_ = nullptr;
};

/* What an item said gets at once, and keeps for life. */
struct Said {
    Status status;
    std::string id;
    explicit operator bool() const noexcept
    {
        return static_cast<bool>(status);
    }
};

/* A question to the server: the REPLY event with this `call` answers it. Also a view and its number. */
struct Asked {
    Status status;
    std::uint64_t call = 0;
    explicit operator bool() const noexcept
    {
        return static_cast<bool>(status);
    }
};

/* One event, or none: then it is false, and every getter gives what stands for nothing. What text() and key() give
 * lives as long as the event. One thread at a time. */
class Event
{
  public:
    Event() noexcept = default;
    explicit Event(parley_event *owned) noexcept : event_(owned)
    {
    }
    explicit operator bool() const noexcept
    {
        return event_ != nullptr;
    }
    std::int32_t type() const noexcept
    {
        return event_ ? parley_event_type(event_.get()) : 0;
    }
    std::uint64_t call() const noexcept
    {
        return event_ ? parley_event_call(event_.get()) : 0;
    }
    Status status() const noexcept
    {
        return event_ ? parley_event_status(event_.get()) : PARLEY_OK;
    }
    std::int32_t state() const noexcept
    {
        return event_ ? parley_event_state(event_.get()) : 0;
    }
    std::int64_t seq() const noexcept
    {
        return event_ ? parley_event_seq(event_.get()) : 0;
    }
    /* NULL when there is no text at the path. */
    const char *text(const char *path) const noexcept
    {
        return event_ ? parley_event_text(event_.get(), path) : nullptr;
    }
    bool is(const char *path, const char *value) const noexcept
    {
        const char *found = text(path);
        return found && std::strcmp(found, value) == 0;
    }
    std::int64_t integer(const char *path, std::int64_t otherwise = 0) const noexcept
    {
        return event_ ? parley_event_int(event_.get(), path, otherwise) : otherwise;
    }
    double real(const char *path, double otherwise = 0) const noexcept
    {
        return event_ ? parley_event_real(event_.get(), path, otherwise) : otherwise;
    }
    std::uint32_t count(const char *path) const noexcept
    {
        return event_ ? parley_event_count(event_.get(), path) : 0;
    }
    const char *key(const char *path, std::uint32_t index) const noexcept
    {
        return event_ ? parley_event_key(event_.get(), path, index) : nullptr;
    }
    const char *json() const noexcept
    {
        return event_ ? parley_event_json(event_.get()) : "{}";
    }

  private:
    struct Free {
        void operator()(parley_event *event) const noexcept
        {
            parley_event_free(event);
        }
    };
    std::unique_ptr<parley_event, Free> event_;
};

} // namespace parley

#endif
