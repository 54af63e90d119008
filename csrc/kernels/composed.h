/* Values that are made of several draws each. No preprocessor lines: cffi reads this file as it stands, and C includes it. Both
   functions share their work as fi_fill_shared does, return what `pause` returned, or 0, and give the same on any number of
   threads. */

/* Vectors of Dirichlet's distribution: `rows` of `columns` values of the kernel `gamma`, from position `start` on, each over the
   sum of its row, which is made from the first one on. */
int fi_dirichlet(int level, int gamma, const uint32_t *stream, const double *parameters, uint64_t start, uint64_t rows,
                 uint64_t columns, double *out, int threads, int (*pause)(void));

/* out[i] = x + (z + root)^2, where x is the value of the kernel `gamma` at position `start` + i, z that of the kernel `normal`,
   of standard normals, at `first_normal` + i, and root the value's own of `roots`, laid out as the first parameter of gamma
   values is (value_parameters.h). */
int fi_noncentral_chisquare(int level, int gamma, int normal, const uint32_t *stream, const double *parameters,
                            uint64_t start, uint64_t first_normal, const double *roots, uint64_t n, double *out, int threads,
                            int (*pause)(void));
