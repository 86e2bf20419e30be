import { testEquivalence } from "./write-equivalence.ts";

testEquivalence(true);
