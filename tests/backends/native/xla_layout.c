/* Compiles if csrc/bindings/xla_interface.h has the layout of jaxlib's own header. */
#include "xla/ffi/api/c_api.h"
#include "xla_interface.h"

#define SAME_SIZE(ours, theirs) _Static_assert(sizeof(ours) == sizeof(theirs), #theirs)
#define SAME_PLACE(ours, our_field, theirs, their_field)                                 \
    _Static_assert(offsetof(ours, our_field) == offsetof(theirs, their_field) &&         \
                       sizeof((ours *)0)->our_field == sizeof((theirs *)0)->their_field, \
                   #theirs "." #their_field)
#define SAME_VALUE(ours, theirs) _Static_assert((int)ours == (int)theirs, #theirs)

SAME_VALUE(XLA_MAJOR, XLA_FFI_API_MAJOR);
SAME_VALUE(XLA_U32, XLA_FFI_DataType_U32);
SAME_VALUE(XLA_F16, XLA_FFI_DataType_F16);
SAME_VALUE(XLA_F32, XLA_FFI_DataType_F32);
SAME_VALUE(XLA_F64, XLA_FFI_DataType_F64);
SAME_VALUE(XLA_BF16, XLA_FFI_DataType_BF16);
SAME_VALUE(XLA_F8E5M2, XLA_FFI_DataType_F8E5M2);
SAME_VALUE(XLA_F8E4M3FN, XLA_FFI_DataType_F8E4M3FN);
SAME_VALUE(XLA_F8E4M3FNUZ, XLA_FFI_DataType_F8E4M3FNUZ);
SAME_VALUE(XLA_INVALID_ARGUMENT, XLA_FFI_Error_Code_INVALID_ARGUMENT);
SAME_VALUE(XLA_RESOURCE_EXHAUSTED, XLA_FFI_Error_Code_RESOURCE_EXHAUSTED);
SAME_VALUE(XLA_BUFFER, XLA_FFI_ArgType_BUFFER);
SAME_VALUE(XLA_BUFFER, XLA_FFI_RetType_BUFFER);
SAME_VALUE(XLA_ARRAY, XLA_FFI_AttrType_ARRAY);
SAME_VALUE(XLA_STRING, XLA_FFI_AttrType_STRING);
SAME_VALUE(XLA_ASKS_FOR_METADATA, XLA_FFI_Extension_Metadata);

SAME_SIZE(struct xla_extension, XLA_FFI_Extension_Base);
SAME_PLACE(struct xla_extension, kind, XLA_FFI_Extension_Base, type);
SAME_SIZE(struct xla_version, XLA_FFI_Api_Version);
SAME_PLACE(struct xla_version, minor, XLA_FFI_Api_Version, minor_version);
SAME_PLACE(struct xla_metadata, version, XLA_FFI_Metadata, api_version);
SAME_PLACE(struct xla_metadata, traits, XLA_FFI_Metadata, traits);
SAME_PLACE(struct xla_metadata_extension, metadata, XLA_FFI_Metadata_Extension, metadata);

SAME_SIZE(struct xla_buffer, XLA_FFI_Buffer);
SAME_PLACE(struct xla_buffer, dtype, XLA_FFI_Buffer, dtype);
SAME_PLACE(struct xla_buffer, data, XLA_FFI_Buffer, data);
SAME_PLACE(struct xla_buffer, rank, XLA_FFI_Buffer, rank);
SAME_PLACE(struct xla_buffer, dims, XLA_FFI_Buffer, dims);
SAME_SIZE(struct xla_bytes, XLA_FFI_ByteSpan);
SAME_PLACE(struct xla_bytes, length, XLA_FFI_ByteSpan, len);
SAME_SIZE(struct xla_array, XLA_FFI_Array);
SAME_PLACE(struct xla_array, size, XLA_FFI_Array, size);
SAME_PLACE(struct xla_array, data, XLA_FFI_Array, data);

SAME_SIZE(struct xla_operands, XLA_FFI_Args);
SAME_PLACE(struct xla_operands, count, XLA_FFI_Args, size);
SAME_PLACE(struct xla_operands, kinds, XLA_FFI_Args, types);
SAME_PLACE(struct xla_operands, operands, XLA_FFI_Args, args);
SAME_SIZE(struct xla_operands, XLA_FFI_Rets);
SAME_SIZE(struct xla_attributes, XLA_FFI_Attrs);
SAME_PLACE(struct xla_attributes, count, XLA_FFI_Attrs, size);
SAME_PLACE(struct xla_attributes, kinds, XLA_FFI_Attrs, types);
SAME_PLACE(struct xla_attributes, names, XLA_FFI_Attrs, names);
SAME_PLACE(struct xla_attributes, values, XLA_FFI_Attrs, attrs);

SAME_SIZE(struct xla_new_error, XLA_FFI_Error_Create_Args);
SAME_PLACE(struct xla_new_error, message, XLA_FFI_Error_Create_Args, message);
SAME_PLACE(struct xla_new_error, code, XLA_FFI_Error_Create_Args, errc);
SAME_SIZE(struct xla_old_error, XLA_FFI_Error_Destroy_Args);
SAME_PLACE(struct xla_old_error, error, XLA_FFI_Error_Destroy_Args, error);
SAME_SIZE(struct xla_task, XLA_FFI_ThreadPool_Schedule_Args);
SAME_PLACE(struct xla_task, context, XLA_FFI_ThreadPool_Schedule_Args, ctx);
SAME_PLACE(struct xla_task, run, XLA_FFI_ThreadPool_Schedule_Args, task);
SAME_PLACE(struct xla_task, data, XLA_FFI_ThreadPool_Schedule_Args, data);
SAME_SIZE(struct xla_thread_count, XLA_FFI_ThreadPool_NumThreads_Args);
SAME_PLACE(struct xla_thread_count, context, XLA_FFI_ThreadPool_NumThreads_Args, ctx);
SAME_PLACE(struct xla_thread_count, count, XLA_FFI_ThreadPool_NumThreads_Args, num_threads);
SAME_PLACE(struct xla_api, count_threads, XLA_FFI_Api, XLA_FFI_ThreadPool_NumThreads);

SAME_PLACE(struct xla_api, head.size, XLA_FFI_Api, struct_size);
SAME_PLACE(struct xla_api, version, XLA_FFI_Api, api_version);
SAME_PLACE(struct xla_api, create_error, XLA_FFI_Api, XLA_FFI_Error_Create);
SAME_PLACE(struct xla_api, destroy_error, XLA_FFI_Api, XLA_FFI_Error_Destroy);
SAME_PLACE(struct xla_api, schedule, XLA_FFI_Api, XLA_FFI_ThreadPool_Schedule);
SAME_PLACE(struct xla_call, head.extension, XLA_FFI_CallFrame, extension_start);
SAME_PLACE(struct xla_call, api, XLA_FFI_CallFrame, api);
SAME_PLACE(struct xla_call, context, XLA_FFI_CallFrame, ctx);
SAME_PLACE(struct xla_call, stage, XLA_FFI_CallFrame, stage);
SAME_PLACE(struct xla_call, arguments, XLA_FFI_CallFrame, args);
SAME_PLACE(struct xla_call, results, XLA_FFI_CallFrame, rets);
SAME_PLACE(struct xla_call, attributes, XLA_FFI_CallFrame, attrs);
