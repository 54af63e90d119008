/* Rows of numbers times a matrix. No preprocessor lines: cffi reads this file as it stands, and C includes it. */

/* out[i][j] = added[j] + the sum of x[i][k] M[k][j], for `rows` rows i of `columns` numbers, and as many j and k: the products
   are added one by one, from k = 0 on, each operation rounded to double. So it has the same bits on every machine, at every
   level and on any number of threads, which the products of BLAS have not. `factor` has the columns of M, one behind the
   other. `scratch` has room for 16 `pieces` rows, and for as many columns of M as are the next multiple of four; the threads
   share so many pieces. Returns what `pause` returned (fi_fill_shared), or 0. */
int fi_product(int level, const double *x, uint64_t rows, uint64_t columns, const double *factor, const double *added,
               double *scratch, double *out, uint64_t pieces, int threads, int (*pause)(void));
