// The texts of what price plans ask of an account come with its card.
import { addTexts } from '.'
import en from './terms.en.json'
import chinese from './terms.zh-CN.json'

addTexts(chinese, en)
