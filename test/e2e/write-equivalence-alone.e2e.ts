import { testEquivalence } from "./write-equivalence.ts";

testEquivalence(false);
