/**
 * Zero, in a field that will hold fractions. V8 keeps whole numbers and fractions in fields of two kinds. The first
 * fraction changes the shape of all objects of a class, those of the old shape live on in pools, and its compiler was
 * seen to compile functions that meet both over and over again, on half of a core. What begins as a fraction stays one:
 * minus zero is, and is equal to zero.
 */
export const ZERO = -0;
