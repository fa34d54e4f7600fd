// The texts of the preview of a strategy come with its page.
import { addTexts } from '.'
import en from './preview.en.json'
import chinese from './preview.zh-CN.json'

addTexts(chinese, en)
