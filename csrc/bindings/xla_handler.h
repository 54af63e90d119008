/* Fills for JAX's traced code. Read by cffi as it stands, as api.h is. */

/* A handler of XLA's FFI for the CPU, which fills at this instruction-set level from then on; null where the extension was
   built without jaxlib's header. */
void *fi_xla_handler(int level);

/* The words of the stream of a JAX key of n words (seed_sequence.h). */
void fi_stream_of_key(const uint32_t *key, uint64_t n, uint32_t *stream);
