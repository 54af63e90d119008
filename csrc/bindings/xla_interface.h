/* How XLA calls a handler: the part of the C interface of its FFI that xla_handler.c uses, in the layout that it has had in all
   versions since 0.1 (jaxlib 0.4.35 to 0.10: xla/ffi/api/c_api.h there, to which tests/backends/native/xla_layout.c holds this).
   It is declared here so that the handler is built wherever there is a C compiler, without JAX. */
#ifndef FI_XLA_INTERFACE_H
#define FI_XLA_INTERFACE_H

#include <stddef.h>
#include <stdint.h>

enum {
    XLA_MAJOR = 0,
    XLA_LATEST_MINOR = 3
}; /* versions of the interface; later minor ones add to it, and take older ones */

enum xla_dtype {
    XLA_U32 = 8,
    XLA_F16 = 10,
    XLA_F32 = 11,
    XLA_F64 = 12,
    XLA_BF16 = 16,
    XLA_F8E5M2 = 19,
    XLA_F8E4M3FN = 20,
    XLA_F8E4M3FNUZ = 25,
};
enum xla_error_code { XLA_INVALID_ARGUMENT = 3, XLA_RESOURCE_EXHAUSTED = 8 };
enum xla_operand_kind { XLA_BUFFER = 1 };
enum xla_attribute_kind { XLA_ARRAY = 1, XLA_STRING = 4 };
enum xla_extension_kind { XLA_ASKS_FOR_METADATA = 1 };

typedef struct xla_error xla_error;
typedef struct xla_context xla_context;

/* What XLA's structures begin with. */
struct xla_head {
    size_t size; /* of the structure, as its writer knows it */
    struct xla_extension *extension;
};

struct xla_extension {
    size_t size;
    enum xla_extension_kind kind;
    struct xla_extension *next;
};

struct xla_version {
    struct xla_head head;
    int major, minor;
};

struct xla_metadata {
    size_t size;
    struct xla_version version;
    uint32_t traits;
};

struct xla_metadata_extension {
    struct xla_extension extension;
    struct xla_metadata *metadata; /* to be written */
};

struct xla_buffer {
    struct xla_head head;
    enum xla_dtype dtype;
    void *data;
    int64_t rank;
    int64_t *dims;
};

struct xla_bytes {
    const char *data;
    size_t length;
};

struct xla_array {
    enum xla_dtype dtype;
    size_t size;
    void *data;
};

struct xla_operands {
    struct xla_head head;
    int64_t count;
    enum xla_operand_kind *kinds;
    void **operands;
};

struct xla_attributes {
    struct xla_head head;
    int64_t count;
    enum xla_attribute_kind *kinds;
    struct xla_bytes **names;
    void **values;
};

struct xla_new_error {
    struct xla_head head;
    const char *message;
    enum xla_error_code code;
};

struct xla_old_error {
    struct xla_head head;
    xla_error *error;
};

struct xla_task {
    struct xla_head head;
    xla_context *context;
    void (*run)(void *data);
    void *data;
};

struct xla_thread_count {
    struct xla_head head;
    xla_context *context;
    int64_t *count; /* to be written */
};

/* XLA's own functions; those that are not used here have no names. */
struct xla_api {
    struct xla_head head;
    struct xla_version version;
    const void *internal;
    xla_error *(*create_error)(struct xla_new_error *);
    void (*error_message)(void);
    void (*destroy_error)(struct xla_old_error *);
    void (*others[8])(void);
    xla_error *(*schedule)(struct xla_task *);
    xla_error *(*count_threads)(struct xla_thread_count *);
};

struct xla_call {
    struct xla_head head;
    const struct xla_api *api;
    xla_context *context;
    int stage;
    struct xla_operands arguments, results;
    struct xla_attributes attributes;
};

#endif
