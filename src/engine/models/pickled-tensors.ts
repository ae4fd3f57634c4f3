/** The tensors that a checkpoint's pickle describes, by name. */
import { PickleMachine, refuse, Tensor, type PickledTensor, type Value } from './pickle-machine.ts';

/** Deep enough for {model: {name: tensor}}; a dictionary that contains itself ends here. */
const MAX_DEPTH = 4;
const MAX_TENSORS = 65_536;

/**
 * All tensors of a pickle by name; nested dictionaries join their keys with dots, everything else is left out.
 * @throws NarratorError model_invalid
 */
export function readPickledTensors(pickle: Buffer, path: string): Map<string, PickledTensor> {
  const tensors = new Map<string, PickledTensor>();
  let visited = 0;
  const collect = (value: Value, name: string, depth: number): void => {
    if (value instanceof Tensor) {
      if (tensors.has(name)) throw refuse(path, `the tensor ${JSON.stringify(name)} occurs twice`);
      tensors.set(name, value);
    } else if (value instanceof Map) {
      if (depth >= MAX_DEPTH) throw refuse(path, `dictionaries are nested more than ${MAX_DEPTH} deep`);
      for (const [key, inner] of value) {
        // counts visits, not values: a dictionary may be mentioned many times through the memo
        if (++visited > MAX_TENSORS) throw refuse(path, `more than ${MAX_TENSORS} values`);
        if (typeof key === 'string') collect(inner, name === '' ? key : `${name}.${key}`, depth + 1);
      }
    }
  };
  collect(new PickleMachine(pickle, path).run(), '', 0);
  return tensors;
}
