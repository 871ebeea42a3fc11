/** Elements without innerHTML, so that no text can become markup. */

const SVG = 'http://www.w3.org/2000/svg'

/** Make an element. Names with a hyphen, `for`, `part`, `role` and `list` are attributes, others properties. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined) continue
    if (/-|^(for|part|role|autocapitalize)$/.test(name)) element.setAttribute(name, value)
    else element[name] = value
  }
  element.append(...children.filter(Boolean))
  return element
}

/** Return the picture of an eye, whose slash the style hides while the password is shown. */
export function eye() {
  const draw = (tag, attributes, ...children) => {
    const element = document.createElementNS(SVG, tag)
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
    element.append(...children)
    return element
  }
  return draw(
    'svg',
    { viewBox: '0 0 24 24', 'aria-hidden': 'true' },
    draw('path', { d: 'M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12Z' }),
    draw('circle', { cx: 12, cy: 12, r: 3 }),
    draw('path', { d: 'M4 4l16 16', class: 'slash' }),
  )
}
