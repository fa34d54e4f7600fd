/** Texts are limited in bytes of UTF-8: a Chinese character counts three. */
export const bytesOf = (text: string) => new TextEncoder().encode(text.trim()).length
