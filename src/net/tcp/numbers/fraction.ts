/**
 * Zero, in a field that will hold fractions. V8 keeps whole numbers and fractions in fields of two kinds. The first
 * fraction changes the shape of all objects of a class, while objects of the old shape live on in pools. V8's compiler
 * was then seen to compile functions that meet both shapes over and over again, on half of a core. A field that begins
 * as a fraction stays one: minus zero is a fraction, and is equal to zero.
 */
export const ZERO = -0;
