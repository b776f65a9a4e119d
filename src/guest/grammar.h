/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The grammar of domain XML as tables: which element or attribute is which
 * member of which struct.
 *
 * A struct has one `struct grammar`, a list of fields in the order in which
 * libvirt writes them.  From it come reading (parse_element.c), writing
 * (format_element.c), copying and freeing (grammar.c): a new attribute is a
 * member and one line of a table.  Offsets are checked against the member's
 * type when they are compiled.
 *
 * The tables are in grammar_*.c and cpu.c.  Used inside of guest/ only. */

#pragma once

#include <stddef.h>
#include <string.h>

#include <libxml/tree.h>

#include "guest/guest.h"

/* Where a field stands in its element. */
enum grammar_place {
    PLACE_ATTRIBUTE,       /* name='value' */
    PLACE_CONTENT,         /* The element's own text. */
    PLACE_CHILD_ATTRIBUTE, /* <name attribute='value'/> */
    PLACE_CHILD_CONTENT,   /* <name>value</name> */
    PLACE_FLAG,            /* <name/>: a bool, true where it is there. */
    PLACE_GROUP,           /* <name>: more fields of the same struct. */
    PLACE_STRUCT,          /* <name>: a pointer to a struct of its own. */
    PLACE_LIST,            /* Any number of <name>: a GUEST_LIST of structs. */
    PLACE_VERBATIM,        /* <name>: its XML, as a text. */
    PLACE_KEPT,            /* Any number of <name>: a GUEST_LIST of XML texts;
                            * without a name: those of foreign namespaces. */
    PLACE_CUSTOM,          /* <name>: see the hook. */
};

/* What its value is. */
enum grammar_kind {
    KIND_TEXT,       /* char * */
    KIND_WORD,       /* enum, see 'words' */
    KIND_ON_OFF,     /* enum guest_switch */
    KIND_YES_NO,     /* enum guest_switch */
    KIND_YES,        /* bool: written where true */
    KIND_UNSIGNED,   /* unsigned */
    KIND_HEX,        /* unsigned, written as 0x with 'width' digits */
    KIND_NUMBER,     /* struct guest_number */
    KIND_HEX_NUMBER, /* struct guest_number, written as 0x */
    KIND_SIGNED,     /* int64_t */
    KIND_FIXED,      /* Always 'fixed': no member. */
    KIND_HOOK,       /* See the hook. */
};

/* Flags of a field. */
enum {
    FIELD_REQUIRED = 1 << 0, /* Its absence is an error. */
    FIELD_ALWAYS = 1 << 1,   /* A group that is written though it is empty. */
    FIELD_WEAK = 1 << 2,     /* Alone, it doesn't make its group be written. */
    FIELD_LIVE = 1 << 3,     /* So only while the guest runs; with 'is_live',
                              * only where that says so. */
    FIELD_ACTIVE = 1 << 4,   /* Not in the inactive form. */
    FIELD_SECRET = 1 << 5,   /* With GUEST_FORMAT_SECURE only. */
    FIELD_STATUS = 1 << 6,   /* With GUEST_FORMAT_STATUS only. */
};

struct grammar_reader {
    unsigned flags; /* enum guest_parse_flags */
    struct error *err;
};

struct grammar_writer {
    struct text *text;
    unsigned flags; /* enum guest_format_flags */
    unsigned indent;
};

struct grammar_hook {
    /* KIND_HOOK: false where 'value' is none. */
    bool (*parse)(void *object, const char *value);
    /* KIND_HOOK: the value (the caller frees it), or NULL for none. */
    char *(*format)(const void *object, unsigned flags);
    /* PLACE_CUSTOM */
    int (*read)(struct grammar_reader *reader, const xmlNode *node,
                void *object);
    void (*write)(struct grammar_writer *writer, const void *object);
};

struct grammar_field {
    enum grammar_place place;
    enum grammar_kind kind;
    const char *name;
    const char *attribute; /* PLACE_CHILD_ATTRIBUTE */
    size_t offset;
    const struct guest_words *words; /* KIND_WORD; PLACE_KEPT without a name:
                                      * the names of the others. */
    unsigned initial;                /* KIND_WORD, KIND_UNSIGNED */
    unsigned width;                  /* KIND_HEX */
    uint64_t min;
    uint64_t max; /* Of a number; length of a text. 0: the kind's own. */
    const char *fixed;
    unsigned flags;
    /* In this form of the element only: bit N of 'when_mask' is value N of
     * the enumeration at 'when_offset'.  Mask 0: always. */
    size_t when_offset;
    unsigned when_mask;
    /* PLACE_GROUP: where a bool says that it is there; see has_presence. */
    size_t presence;
    bool has_presence;
    bool (*is_live)(const void *object);    /* FIELD_LIVE */
    bool (*is_written)(const void *object); /* NULL: where it is set. */
    const struct grammar *grammar;          /* PLACE_STRUCT, PLACE_LIST */
    const struct grammar_field *fields;     /* PLACE_GROUP */
    size_t field_count;
    unsigned tag; /* PLACE_LIST: elements have this at the grammar's
                   * tag_offset. 0: all of them. */
    const struct grammar_hook *hook;
    /* PLACE_LIST: puts an element (takes it) where it belongs; NULL: last. */
    void (*insert)(void *object, void *element);
};

struct grammar {
    size_t size;
    const struct grammar_field *fields;
    size_t field_count;
    size_t tag_offset;
    /* After all fields: defaults that depend on several, contradictions. */
    int (*finish)(struct grammar_reader *reader, const xmlNode *node,
                  void *object);
};

/* ---- Objects ---------------------------------------------------------- */

/* A new object with the tables' initial values. */
void *grammar_new(const struct grammar *grammar);
void *grammar_copy(const struct grammar *grammar, const void *object);
void grammar_free(const struct grammar *grammar, void *object);
/* Whether the field belongs to the form that 'object' has. */
bool grammar_is_field_of(const struct grammar_field *field, const void *object);
/* Makes a member that holds a value unset. */
void grammar_clear_field(const struct grammar_field *field, void *object);

/* Members are of many types, so that they are moved by memcpy() only. */
static inline void *
grammar_get_pointer(const void *object, size_t offset)
{
    void *value;

    memcpy(&value, (const char *)object + offset, sizeof(value));
    return value;
}

static inline void
grammar_set_pointer(void *object, size_t offset, void *value)
{
    memcpy((char *)object + offset, &value, sizeof(value));
}

static inline unsigned
grammar_get_word(const void *object, size_t offset)
{
    unsigned value;

    memcpy(&value, (const char *)object + offset, sizeof(value));
    return value;
}

static inline bool
grammar_get_bool(const void *object, size_t offset)
{
    bool value;

    memcpy(&value, (const char *)object + offset, sizeof(value));
    return value;
}

/* Of any GUEST_LIST. */
size_t grammar_list_count(const void *list);
void *grammar_list_item(const void *list, size_t index);

/* ---- Reading ---------------------------------------------------------- */

/* Reads 'node' into 'object'. */
int grammar_read(struct grammar_reader *reader, const xmlNode *node,
                 const struct grammar *grammar, void *object);
/* Reads one value into its member. */
int grammar_read_value(struct grammar_reader *reader, const xmlNode *node,
                       const struct grammar_field *field, void *object,
                       const char *value);
/* The text in 'node' (the caller frees it); NULL and an error where it has
 * elements in it. */
char *grammar_content(struct grammar_reader *reader, const xmlNode *node);
/* Without the blanks around it (the caller frees it). */
char *grammar_trim(const char *value);
/* The XML of 'node', as libvirt writes metadata. */
char *grammar_dump(const xmlNode *node);
/* For "%.*s": how many bytes of the first line of 'text' go into an error, no
 * more than 'max', and whole characters. */
int grammar_excerpt(const char *text, int max);
/* Refusals.  All return -1. */
int grammar_refuse_element(struct grammar_reader *reader, const xmlNode *node);
int grammar_refuse_attribute(struct grammar_reader *reader, const xmlNode *node,
                             const char *name);
int grammar_refuse_value(struct grammar_reader *reader, const xmlNode *node,
                         const char *name, const char *value);

/* ---- Writing ---------------------------------------------------------- */

/* Writes 'object' as element 'name'. */
void grammar_write(struct grammar_writer *writer, const char *name,
                   const struct grammar *grammar, const void *object);
/* Writes text with & < > ' " as entities. */
void grammar_escape(struct text *text, const char *value, bool is_attribute);
/* Writes what grammar_dump() made, indented. */
void grammar_write_dump(struct grammar_writer *writer, const char *xml);

/* ---- The tables ------------------------------------------------------- */

extern const struct grammar guest_grammar;
extern const struct grammar guest_cpu_grammar;
extern const struct grammar guest_sysinfo_grammar;
#define DECLARE(tag) extern const struct grammar tag##_grammar;
DECLARE(guest_disk)
DECLARE(guest_controller)
DECLARE(guest_interface)
DECLARE(guest_serial)
DECLARE(guest_parallel)
DECLARE(guest_console)
DECLARE(guest_channel)
DECLARE(guest_input)
DECLARE(guest_graphics)
DECLARE(guest_sound)
DECLARE(guest_audio)
DECLARE(guest_video)
DECLARE(guest_hub)
DECLARE(guest_watchdog)
DECLARE(guest_memballoon)
DECLARE(guest_rng)
DECLARE(guest_panic)
#undef DECLARE
extern const struct grammar_field guest_address_fields[];
enum { GUEST_ADDRESS_FIELDS = 14 };
bool guest_is_alias_live(const void *object);
void guest_cpu_remove_features(struct guest_cpu *cpu);

/* ---- For writing the tables ------------------------------------------- */

/* The offset of a member, which must be of this type. */
#define AT(tag, member, type)                                                  \
    (offsetof(struct tag, member) +                                            \
     0 * sizeof(char[__builtin_types_compatible_p(                             \
                         __typeof__(((struct tag *)0)->member), type)          \
                         ? 1                                                   \
                         : -1]))

/* Values: after the place, which is made by one of the macros below. */
#define TEXT(tag, member) .kind = KIND_TEXT, .offset = AT(tag, member, char *)
#define WORD(tag, member, word)                                                \
    .kind = KIND_WORD, .offset = AT(tag, member, enum word),                   \
    .words = &word##_words
#define ON_OFF(tag, member)                                                    \
    .kind = KIND_ON_OFF, .offset = AT(tag, member, enum guest_switch)
#define YES_NO(tag, member)                                                    \
    .kind = KIND_YES_NO, .offset = AT(tag, member, enum guest_switch)
#define YES(tag, member) .kind = KIND_YES, .offset = AT(tag, member, bool)
#define UNSIGNED(tag, member, least, most)                                     \
    .kind = KIND_UNSIGNED, .offset = AT(tag, member, unsigned), .min = least,  \
    .max = most
#define HEX(tag, member, digits, most)                                         \
    .kind = KIND_HEX, .offset = AT(tag, member, unsigned), .width = digits,    \
    .max = most
#define NUMBER(tag, member, least, most)                                       \
    .kind = KIND_NUMBER, .offset = AT(tag, member, struct guest_number),       \
    .min = least, .max = most
#define HEX_NUMBER(tag, member, most)                                          \
    .kind = KIND_HEX_NUMBER, .offset = AT(tag, member, struct guest_number),   \
    .max = most
#define SIGNED(tag, member)                                                    \
    .kind = KIND_SIGNED, .offset = AT(tag, member, int64_t)
#define FIXED(value)    .kind = KIND_FIXED, .fixed = value, .flags = FIELD_WEAK
#define HOOK(functions) .kind = KIND_HOOK, .hook = &functions

/* Places. */
#define ATTRIBUTE(name_, ...)                                                  \
    {                                                                          \
        .place = PLACE_ATTRIBUTE, .name = name_, __VA_ARGS__                   \
    }
#define CONTENT(...)                                                           \
    {                                                                          \
        .place = PLACE_CONTENT, __VA_ARGS__                                    \
    }
#define CHILD_ATTRIBUTE(name_, attribute_, ...)                                \
    {                                                                          \
        .place = PLACE_CHILD_ATTRIBUTE, .name = name_,                         \
        .attribute = attribute_, __VA_ARGS__                                   \
    }
#define CHILD_CONTENT(name_, ...)                                              \
    {                                                                          \
        .place = PLACE_CHILD_CONTENT, .name = name_, __VA_ARGS__               \
    }
#define FLAG(name_, tag, member)                                               \
    {                                                                          \
        .place = PLACE_FLAG, .name = name_, .offset = AT(tag, member, bool)    \
    }
#define GROUP(name_, table, ...)                                               \
    {                                                                          \
        .place = PLACE_GROUP, .name = name_, .fields = table,                  \
        .field_count = ARRAY_COUNT(table), __VA_ARGS__                         \
    }
#define STRUCT(name_, tag, member, type, ...)                                  \
    {                                                                          \
        .place = PLACE_STRUCT, .name = name_,                                  \
        .offset = AT(tag, member, struct type *), .grammar = &type##_grammar,  \
        __VA_ARGS__                                                            \
    }
#define LIST_OF(name_, tag, member, type, grammar_, ...)                       \
    {                                                                          \
        .place = PLACE_LIST, .name = name_,                                    \
        .offset = offsetof(struct tag, member) +                               \
                  0 * AT(tag, member.items, struct type **),                   \
        .grammar = &grammar_##_grammar, __VA_ARGS__                            \
    }
#define VERBATIM(name_, tag, member)                                           \
    {                                                                          \
        .place = PLACE_VERBATIM, .name = name_,                                \
        .offset = AT(tag, member, char *)                                      \
    }
#define KEPT(name_, tag, member)                                               \
    {                                                                          \
        .place = PLACE_KEPT, .name = name_,                                    \
        .offset =                                                              \
            offsetof(struct tag, member) + 0 * AT(tag, member.items, char **)  \
    }
#define CUSTOM(name_, functions, ...)                                          \
    {                                                                          \
        .place = PLACE_CUSTOM, .name = name_, .hook = &functions, __VA_ARGS__  \
    }

#define FLAGS(bits)      .flags = (bits)
#define INITIALLY(value) .initial = (value)
#define WHEN(tag, member, bits)                                                \
    .when_offset = offsetof(struct tag, member), .when_mask = (bits)
#define PRESENCE(tag, member)                                                  \
    .presence = AT(tag, member, bool), .has_presence = true
#define BIT(value) (1U << (value))

/* The end of every device's table. */
#define DEVICE_ALIAS                                                           \
    CHILD_ATTRIBUTE("alias", "name", TEXT(guest_device, alias),                \
                    FLAGS(FIELD_LIVE), .is_live = guest_is_alias_live)
#define DEVICE_ADDRESS                                                         \
    {                                                                          \
        .place = PLACE_GROUP, .name = "address",                               \
        .fields = guest_address_fields, .field_count = GUEST_ADDRESS_FIELDS    \
    }

#define GRAMMAR(tag, table, ...)                                               \
    {                                                                          \
        .size = sizeof(struct tag), .fields = table,                           \
        .field_count = ARRAY_COUNT(table), __VA_ARGS__                         \
    }
