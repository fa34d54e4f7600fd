/** A key that is held down acts once: Enter must not walk through a question that nobody has read. */
export function actOnce() {
  window.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || !event.repeat || event.target instanceof HTMLTextAreaElement) return
    event.preventDefault()
    event.stopPropagation()
  }, { capture: true })
}
