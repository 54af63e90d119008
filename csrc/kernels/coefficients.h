/* Coefficients, lowest power first; written by tools/fit_coefficients.py, which says of what. */
/* clang-format off */
static const float NEG2LOG_F32[8] = {
    0x1.fffff40000000p-1f,
    -0x1.5556e60000000p-1f,
    0x1.0006c00000000p-1f,
    -0x1.98dab40000000p-2f,
    0x1.52fbd80000000p-2f,
    -0x1.30cc520000000p-2f,
    0x1.2770a20000000p-2f,
    -0x1.6fdc500000000p-3f};
static const float SIN_F32[4] = {
    0x1.921fb40000000p+0f,
    -0x1.4abba80000000p-1f,
    0x1.465a720000000p-4f,
    -0x1.2cfcc80000000p-8f};
static const float COS_F32[3] = {
    -0x1.3bd3a20000000p+0f,
    0x1.03b17c0000000p-2f,
    -0x1.4eae000000000p-6f};
static const float QUANTILE_CENTRE_F32[9] = {
    0x1.40d9100000000p+1f,
    0x1.5004a40000000p-2f,
    0x1.0a13b00000000p-7f,
    -0x1.9d63360000000p-11f,
    -0x1.40a3b60000000p-15f,
    0x1.06827c0000000p-17f,
    -0x1.ae6b720000000p-22f,
    0x1.de40ee0000000p-28f,
    0x1.7eec6a0000000p-36f};
static const double NEG2LOG_F64[7] = {
    -0x1.5555555555584p+0,
    -0x1.9999999983a45p-1,
    -0x1.2492493f1a383p-1,
    -0x1.c71c54120a1b9p-2,
    -0x1.7465de6770059p-2,
    -0x1.39aaaabc5fd67p-2,
    -0x1.2eb19c57a86bfp-2};
static const double SIN_F64[7] = {
    0x1.921fb54442d18p+0,
    -0x1.4abbce625be24p-1,
    0x1.466bc677569fcp-4,
    -0x1.32d2cce14707cp-8,
    0x1.50782e7e9f2c2p-13,
    -0x1.e2ff5aa716381p-19,
    0x1.e39d696dedf19p-25};
static const double EXP_F64[13] = {
    0x1.0000000000000p+0,
    0x1.0000000000000p+0,
    0x1.0000000000000p-1,
    0x1.5555555555562p-3,
    0x1.5555555555562p-5,
    0x1.111111110db77p-7,
    0x1.6c16c16c127b5p-10,
    0x1.a01a01b801af5p-13,
    0x1.a01a01b73b566p-16,
    0x1.71dde76bbe438p-19,
    0x1.27e4ba92a53a1p-22,
    0x1.af785b9c9bd0dp-26,
    0x1.1fa392f8cc85cp-29};
static const double COS_F64[7] = {
    -0x1.3bd3cc9be45dep+0,
    0x1.03c1f081b5ab0p-2,
    -0x1.55d3c7e3c95dbp-6,
    0x1.e1f50683b6ccbp-11,
    -0x1.a6d1ecb9125b8p-16,
    0x1.f9cc6c13953e4p-22,
    -0x1.b270415cc0edap-28};
static const float QUANTILE_TAIL_NUMERATOR_F32[5] = {
    -0x1.3f7ee80000000p+1f,
    -0x1.4cfa000000000p-2f,
    0x1.9302500000000p+0f,
    0x1.a9a2840000000p-2f,
    0x1.088f940000000p-6f};
static const float QUANTILE_TAIL_DENOMINATOR_F32[4] = {
    0x1.0000000000000p+0f,
    0x1.a8e3ba0000000p+0f,
    0x1.a9d9240000000p-2f,
    0x1.088c640000000p-6f};
static const double QUANTILE_CENTRE_NUMERATOR_F64[8] = {
    0x1.b18d91e9eef75p+1,
    0x1.0a4888b1a436ep+7,
    0x1.ece5d2213c0ccp+10,
    0x1.ad1d8cd4ee71dp+13,
    0x1.66c3e869b752ap+15,
    0x1.06c1c55b78f20p+16,
    0x1.052d26b2e45e4p+15,
    0x1.39a296f7d925ep+11};
static const double QUANTILE_CENTRE_DENOMINATOR_F64[8] = {
    0x1.0000000000000p+0,
    0x1.5281b386e1ab5p+5,
    0x1.5797efdc8b3f7p+9,
    0x1.512322e75c89fp+12,
    0x1.4b772d5d65266p+14,
    0x1.3317caa64f4bep+15,
    0x1.c0e457cb1ae76p+14,
    0x1.46a7eca984b69p+12};
static const double QUANTILE_MIDDLE_NUMERATOR_F64[8] = {
    0x1.6c665fde9526ap+0,
    0x1.2857748cab19bp+2,
    0x1.713f71462256ap+2,
    0x1.d2ecb1a3d02c4p+1,
    0x1.453cc085375b2p+0,
    0x1.ef2abb9b85c37p-3,
    0x1.744eb6c45ec67p-6,
    0x1.9615ac0b7ace9p-11};
static const double QUANTILE_MIDDLE_DENOMINATOR_F64[8] = {
    0x1.0000000000000p+0,
    0x1.06cefbb46a449p+1,
    0x1.ad278e6526633p+0,
    0x1.61292f23385c9p-1,
    0x1.2f5123394f040p-3,
    0x1.f207a7eab17bfp-7,
    0x1.1f18cbfdf2728p-11,
    0x1.20d3f686439e4p-30};
static const double QUANTILE_TAIL_NUMERATOR_F64[8] = {
    0x1.aa1b1c13ee526p+2,
    0x1.5daea6e875003p+2,
    0x1.c8ea6461fa445p+0,
    0x1.2fad9315255cfp-2,
    0x1.b2b41193b4ee7p-6,
    0x1.45c1908425345p-10,
    0x1.c6ec6cc59e02ap-16,
    0x1.afb74d693bf93p-23};
static const double QUANTILE_TAIL_DENOMINATOR_F64[8] = {
    0x1.0000000000000p+0,
    0x1.331d34fc7d77fp-1,
    0x1.186eb183443fbp-3,
    0x1.e76f93215462ap-7,
    0x1.9c8bc979dc5d7p-11,
    0x1.35c2c496374bfp-16,
    0x1.31446f740b9e0p-23,
    0x1.269bff1f8c190p-49};
