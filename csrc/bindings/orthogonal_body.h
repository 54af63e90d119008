/* The functions of orthogonal.c for one type: REAL, its NAME, and the number of NumPy's loop for it, LOOP. */

#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define OF(name) JOIN(name, NAME)

/* Overwrites normals by the reflections' vectors V, and writes T and the signs of Q's columns: `_reflectors`. */
static void OF(reflectors)(panel of, REAL *v, double *doubles, REAL *t, REAL *signs)
{
    const npy_intp n = of.n, height = of.height, size = power_of_2(n), most = larger(elements_of(of), size * size);
    double *left = doubles, *right = left + most, *gram = right + most, *work = gram + n * n;
    double signed_norm[TILE], v0[TILE], tau[TILE];
    for (npy_intp i = 0; i < n; i++)
        for (npy_intp k = i + 1; k < n; k++)
            v[i * n + k] = 0;
    for (npy_intp tile = 0, at = 0; tile < of.tiles; tile++, at += height * n)
        for (npy_intp i = 0; i < height; i++)
            for (npy_intp k = 0; k < n; k++)
                left[at + k * height + i] = right[at + i * n + k] = (double)v[at + i * n + k];
    multiply_by_transposed(of, left, right, gram, work);
    for (npy_intp k = 0; k < n; k++) {
        double x0 = (double)v[k * n + k], norm = sqrt(gram[k * n + k]), sign = x0 < 0 ? -1.0 : 1.0;
        if (norm < LEAST_NORM)
            x0 = sign, norm = 1.0;
        signed_norm[k] = sign * norm;
        v0[k] = x0 + signed_norm[k];
        tau[k] = 1 + fabs(x0) / norm;
        signs[k] = (REAL)-sign;
    }
    double *above = left, *factor = right; /* (size, size), with zeros beyond n */
    memset(above, 0, (size_t)(size * size) * sizeof *above);
    memset(factor, 0, (size_t)(size * size) * sizeof *factor);
    for (npy_intp i = 0; i < n; i++) {
        factor[i * size + i] = tau[i];
        for (npy_intp k = i + 1; k < n; k++)
            above[i * size + k] = (gram[i * n + k] + signed_norm[k] * (double)v[k * n + i]) / (v0[i] * v0[k]);
    }
    join_runs(factor, above, n, size, work);
    for (npy_intp i = 0; i < n; i++)
        for (npy_intp k = 0; k < n; k++)
            t[i * n + k] = (REAL)factor[i * size + k];
    for (npy_intp i = 0; i < of.m; i++)
        for (npy_intp k = 0; k < n; k++)
            v[i * n + k] = i == k ? 1 : v[i * n + k] / (REAL)v0[k];
}

/* q = (I - V T V^T) [diag(signs); 0]: `_columns`. Each element of V^T [diag(signs); 0] is one product, in any order exact. */
static void OF(columns)(panel of, const REAL *v, const REAL *t, const REAL *signs, REAL *work, REAL *q)
{
    const npy_intp n = of.n, area = of.height * n;
    REAL *weights = work, *turned = weights + n * n, *change = turned + n * n;
    for (npy_intp i = 0; i < n; i++)
        for (npy_intp k = 0; k < n; k++)
            weights[i * n + k] = v[k * n + i] * signs[k] + 0; /* no -0, as in a sum */
    multiply(LOOP, 1, n, n, n, packed(t, n, n), packed(weights, n, n), packed(turned, n, n));
    const matrices same = {turned, 0, n, 1};
    multiply(LOOP, of.tiles, of.height, n, n, packed(v, area, n), same, packed(change, area, n));
    for (npy_intp i = 0; i < of.m; i++)
        for (npy_intp k = 0; k < n; k++)
            q[i * n + k] = (i == k ? signs[k] : 0) - change[i * n + k];
}

/* fill_orthogonal, with room for `doubles_needed` and `elements_needed` in `memory`. */
static int OF(fill)(int level, const uint32_t *stream, const double *parameters, panel of, double *memory, REAL *out)
{
    const npy_intp row = (npy_intp)parameters[ROW_STRIDE], column = (npy_intp)parameters[COLUMN_STRIDE];
    const npy_intp all = elements_of(of), n = of.n, drawn = of.m * n;
    const fi_axis axis = {(uint64_t)drawn, 1, sizeof(REAL)};
    const REAL gain = (REAL)parameters[GAIN];
    REAL *v = (REAL *)(memory + doubles_needed(of)), *q = v + all, *t = q + all, *signs = t + n * n, *work = signs + n;
    REAL *to = out + (npy_intp)parameters[OFFSET];
    for (uint64_t i = 0; i < (uint64_t)parameters[MATRICES]; i++, to += (npy_intp)parameters[MATRIX_STRIDE]) {
        if (fill_axes_kernel(level, (int)parameters[NORMAL_KERNEL], stream, parameters,
                             i * (uint64_t)parameters[DRAWS_APART], 1, &axis, sizeof(REAL), v, 0, 1, NULL))
            return -1;
        memset(v + drawn, 0, (size_t)(all - drawn) * sizeof *v);
        OF(reflectors)(of, v, memory, t, signs);
        OF(columns)(of, v, t, signs, work, q);
        for (npy_intp r = 0; r < of.m; r++)
            for (npy_intp c = 0; c < n; c++)
                to[r * row + c * column] = q[r * n + c] * gain;
    }
    return 0;
}

#undef JOIN_
#undef JOIN
#undef OF
