/* Fills for JAX's traced code. No preprocessor lines: cffi reads this file as it stands, and C includes it. */

/* The handler of XLA's FFI for the CPU, which fills at this instruction-set level from now on; null where the extension was
   built without jaxlib's header. */
void *fi_xla_handler(int level);

/* Writes the four words of the stream of a JAX key of n words (seed_sequence.h). */
void fi_stream_of_key(const uint32_t *key, uint64_t n, uint32_t *stream);
