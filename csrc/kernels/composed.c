/* Values that are made of several draws each, in pieces that stay in the caches (composed.h). */
#include <stdint.h>

#include "composed.h"
#include "kernels.h"
#include "threads.h"
#include "value_parameters.h"

enum { PIECE = 16384, NORMALS = 1024 }; /* values; a tile of normals */

struct composed {
    int level, gamma, normal;
    const uint32_t *stream;
    const double *parameters, *roots;
    uint64_t start, first_normal, rows, columns, rows_of_piece;
    double *out;
};

static void draw(const struct composed *of, int kernel, const double *parameters, uint64_t position, uint64_t count,
                 double *values)
{
    fi_fill(of->level, kernel, of->stream, parameters, &position, 1, count, 1, values, 0, 0);
}

/* The rows of a piece: the first is `row`, the last that before `end`. */
#define ROWS_OF_PIECE(of, piece)                        \
    const uint64_t row = (piece) * (of)->rows_of_piece, \
                   end = row + (of)->rows_of_piece < (of)->rows ? row + (of)->rows_of_piece : (of)->rows;

static void divide_by_sum(double *values, uint64_t n)
{
    double sum = values[0];
    for (uint64_t i = 1; i < n; i++)
        sum += values[i];
    for (uint64_t i = 0; i < n; i++)
        values[i] /= sum;
}

static void dirichlet_piece(void *job, uint64_t piece)
{
    const struct composed *of = job;
    ROWS_OF_PIECE(of, piece)
    draw(of, of->gamma, of->parameters, of->start + row * of->columns, (end - row) * of->columns,
         of->out + row * of->columns);
    for (uint64_t i = row; i < end; i++)
        divide_by_sum(of->out + i * of->columns, of->columns);
}

static void noncentral_piece(void *job, uint64_t piece)
{
    const struct composed *of = job;
    double normals[NORMALS], roots[NORMALS];
    const double standard[] = {0.0, 1.0}; /* mean, std */
    ROWS_OF_PIECE(of, piece)
    draw(of, of->gamma, of->parameters, of->start + row, end - row, of->out + row);
    for (uint64_t at = row; at < end; at += NORMALS) {
        const int count = end - at < NORMALS ? (int)(end - at) : NORMALS;
        draw(of, of->normal, standard, of->first_normal + at, (uint64_t)count, normals);
        load_parameter(of->roots, 0, 1.0, of->first_normal + at, count, roots);
        for (int i = 0; i < count; i++) {
            const double x = normals[i] + roots[i];
            of->out[at + (uint64_t)i] += x * x;
        }
    }
}

static int compose(piece_function *run, struct composed *of, int threads, int (*pause)(void))
{
    of->rows_of_piece = PIECE / of->columns + (of->columns > PIECE);
    return run_pieces(run, of, (of->rows + of->rows_of_piece - 1) / of->rows_of_piece, threads, pause);
}

int fi_dirichlet(int level, int gamma, const uint32_t *stream, const double *parameters, uint64_t start, uint64_t rows,
                 uint64_t columns, double *out, int threads, int (*pause)(void))
{
    struct composed of = {.level = level,
                          .gamma = gamma,
                          .stream = stream,
                          .parameters = parameters,
                          .start = start,
                          .rows = rows,
                          .columns = columns,
                          .out = out};
    return compose(dirichlet_piece, &of, threads, pause);
}

int fi_noncentral_chisquare(int level, int gamma, int normal, const uint32_t *stream, const double *parameters,
                            uint64_t start, uint64_t first_normal, const double *roots, uint64_t n, double *out, int threads,
                            int (*pause)(void))
{
    struct composed of = {.level = level,
                          .gamma = gamma,
                          .normal = normal,
                          .stream = stream,
                          .parameters = parameters,
                          .roots = roots,
                          .start = start,
                          .first_normal = first_normal,
                          .rows = n,
                          .columns = 1,
                          .out = out};
    return compose(noncentral_piece, &of, threads, pause);
}
