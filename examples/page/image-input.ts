/** @file From pixels to a model's inputs, by what the `.tsr` declares: the page needs to know nothing about sizes, channels or scales. */
import { imagePreprocessing, imageTensor, type RgbaImage, type Session, type Tensor } from "tersor/runtime";

/** @throws Error where the file declares nothing; RuntimeError R032x where it declares what the model cannot take */
export function imageInputs(image: RgbaImage, session: Session): Record<string, Tensor> {
  const declared = imagePreprocessing(session.info);
  if (!declared) throw new Error("This .tsr does not say how pictures are prepared for it: compile it with a declared preprocessing.");
  return { [declared.input]: imageTensor(image, declared, session.inputs[declared.input]) };
}
