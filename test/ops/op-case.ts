/**
 * @file One row of the ops' test table: an op on small inputs, what must come out, and whether its gradient is checked. Every file in `cases/` exports
 * `cases: readonly OpCase[]`; `cases.test.ts` runs them all and fails for an op that has none.
 */
import type { AttrInput, HostTensor } from "../../ir-spec/index.ts";

export interface OpCase {
  readonly op: string;
  /** What distinguishes this row from the others of the op, for the test's name. */
  readonly note?: string;
  readonly attrs?: AttrInput;
  /** null where an optional operand is absent. */
  readonly inputs: readonly (HostTensor | null)[];
  /** Worked by hand or by an independent formula; absent: only the gradient is checked. */
  readonly expect?: readonly HostTensor[];
  /** Largest allowed absolute difference from `expect`; absent: equal elements (NaN equals NaN, -0 differs from 0). */
  readonly tolerance?: number;
  /** Per operand: is its gradient checked against central differences? Float inputs should be f64. Absent: not checked. */
  readonly gradient?: readonly boolean[];
  /** Largest allowed absolute difference from central differences; default 1e-6. */
  readonly gradientTolerance?: number;
}
