/* Fills for JAX's traced code. No preprocessor lines: cffi reads this file as it stands, and C includes it. */

/* The handler of XLA's FFI for the CPU, which from now on fills at this instruction-set level, and says that it serves version
   0.`minor` of the interface: it serves 0.1 to 0.3 (xla_interface.h). Null on Windows. */
void *fi_xla_handler(int level, int minor);

/* Writes the four words of the stream of a JAX key of n words (seed_sequence.h). */
void fi_stream_of_key(const uint32_t *key, uint64_t n, uint32_t *stream);
