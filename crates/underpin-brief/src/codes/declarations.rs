//! Codes U02xx: names and declarations.

codes! {
    U0201
    U0202
    U0203
    U0204
    U0205
    U0206
    U0207
    U0208
    U0209
    U0210
    U0211
    U0212
    U0213
    U0214
    U0215
    U0216
    U0217
    U0218
    U0219
    U0220
    U0221
    U0222
    U0223
    U0224
    U0225
    U0226
    U0227
    U0228
    U0229
    U0230
    U0231
    U0232
}
